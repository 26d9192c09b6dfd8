/* What is a message in an mbox, and what is not: tables of small files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/memory.h"
#include "store/mbox_content.h"

#define F "From a@b Sun Nov 22 16:30:35 2026\n"

/* ---- From_ lines ---- */

static const struct from_case {
	const char *name, *line, *sender;
	int64_t date;		/* -1: not a From_ line */
	int zone;
} from_cases[] = {
	{ "asctime", "From a@b Sun Nov 22 16:30:35 2026", "a@b", 1795365035, 0 },
	{ "with-lf", "From a@b Sun Nov 22 16:30:35 2026\n", "a@b", 1795365035, 0 },
	{ "with-crlf", "From a@b Sun Nov 22 16:30:35 2026\r\n", "a@b", 1795365035, 0 },
	{ "day-padded", "From a@b Sun Nov  1 16:30:35 2026", "a@b", 1793550635, 0 },
	{ "day-of-one-digit", "From a@b Sun Nov 1 16:30:35 2026", "a@b", 1793550635, 0 },
	{ "no-seconds", "From a@b Sun Nov 22 16:30 2026", "a@b", 1795365000, 0 },
	{ "zone-name-before-year", "From a@b Sun Nov 22 16:30:35 UTC 2026", "a@b", 1795365035, 0 },
	{ "zone-number-before-year", "From a@b Sun Nov 22 16:30:35 +0100 2026", "a@b", 1795361435, 60 },
	{ "zone-number-after-year", "From a@b Sun Nov 22 16:30:35 2026 -0530", "a@b", 1795384835, -330 },
	{ "zone-name-after-year", "From a@b Sun Nov 22 16:30:35 2026 CET", "a@b", 1795361435, 60 },
	{ "two-words-of-zone", "From a@b Sun Nov 22 16:30:35 MET DST 2026", "a@b", 1795357835, 120 },
	{ "zone-nobody-knows", "From a@b Sun Nov 22 16:30:35 XYZ 2026", "a@b", 1795365035, 0 },
	{ "of-a-header", "From a@b Sun, 22 Nov 2026 16:30:35 +0200", "a@b", 1795357835, 120 },
	{ "of-a-header-no-zone", "From a@b Sun, 22 Nov 2026 16:30:35", "a@b", 1795365035, 0 },
	{ "uucp", "From joe Sun Nov 22 16:30:35 2026 remote from hub", "joe", 1795365035, 0 },
	{ "uucp-zone", "From joe Sun Nov 22 16:30:35 2026 GMT remote from hub", "joe", 1795365035, 0 },
	{ "no-sender", "From Sun Nov 22 16:30:35 2026", "", 1795365035, 0 },
	{ "two-blanks", "From  Sun Nov 22 16:30:35 2026", "", 1795365035, 0 },
	{ "thunderbird", "From - Sun Nov 22 16:30:35 2026", "-", 1795365035, 0 },
	{ "sender-with-blanks", "From \"a b\"@c Sun Nov 22 16:30:35 2026", "\"a b\"@c", 1795365035, 0 },
	{ "sender-is-a-day", "From Sun Sun Nov 22 16:30:35 2026", "Sun", 1795365035, 0 },
	{ "sender-utf8", "From \xc3\xa9@b Sun Nov 22 16:30:35 2026", "\xc3\xa9@b", 1795365035, 0 },
	{ "leap-second", "From a@b Sat Dec 31 23:59:60 2016", "a@b", 1483228800, 0 },
	{ "text", "From what I hear, Sun is fine", "", -1, 0 },
	{ "text-with-date", "From Sun Nov 22 16:30:35 2026 on all is well", "", -1, 0 },
	{ "no-date", "From a@b", "", -1, 0 },
	{ "no-year", "From a@b Sun Nov 22 16:30:35", "", -1, 0 },
	{ "year-of-two-digits", "From a@b Sun Nov 22 16:30:35 26", "", -1, 0 },
	{ "no-time", "From a@b Sun Nov 22 2026", "", -1, 0 },
	{ "bad-month", "From a@b Sun Nox 22 16:30:35 2026", "", -1, 0 },
	{ "bad-hour", "From a@b Sun Nov 22 24:30:35 2026", "", -1, 0 },
	{ "bad-zone", "From a@b Sun Nov 22 16:30:35 2026 +0175", "", -1, 0 },
	{ "quoted", ">From a@b Sun Nov 22 16:30:35 2026", "", -1, 0 },
	{ "field", "From: a@b Sun Nov 22 16:30:35 2026", "", -1, 0 },
	{ "lower-case", "from a@b Sun Nov 22 16:30:35 2026", "", -1, 0 },
	{ "empty", "", "", -1, 0 },
};

static void
test_from_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(from_cases) / sizeof(from_cases[0]); i++) {
		const struct from_case *c = &from_cases[i];
		struct mbox_from from = { .date = -1 };
		bool is = mbox_from_parse(span_from(c->line), &from);
		if (is != (c->date >= 0))
			fail_msg("from/%s: %s", c->name, is ? "taken" : "refused");
		if (is && (from.date != c->date || from.zone != c->zone ||
			!span_equals(from.sender, span_from(c->sender))))
			fail_msg("from/%s: %lld %d \"%.*s\"", c->name,
				(long long)from.date, from.zone,
				SPAN_PRINT(from.sender));
	}
}

static void
test_from_line_too_long(void **state)
{
	char line[2000];
	struct mbox_from from;
	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "From ", 5);
	memcpy(line + 1950, " Sun Nov 22 16:30:35 2026", 25);
	assert_false(mbox_from_parse(span_of(line, 1975), &from));
	memcpy(line + 900, " Sun Nov 22 16:30:35 2026", 25);
	assert_true(mbox_from_parse(span_of(line, 925), &from));
}

static const struct {
	const char *name, *sender, *line;
	int64_t date;
} written[] = {
	{ "plain", "a@b", "From a@b Sun Nov 22 16:30:35 2026\n", 1795365035 },
	{ "early-day", "a@b", "From a@b Sun Nov  1 16:30:35 2026\n", 1793550635 },
	{ "nobody", "", "From MAILER-DAEMON Sun Nov 22 16:30:35 2026\n", 1795365035 },
	{ "blank-and-lf", "\"a b\n\"@c", "From \"a_b_\"@c Sun Nov 22 16:30:35 2026\n", 1795365035 },
	{ "before-all-time", "a@b", "From a@b Thu Jan  1 00:00:00 1970\n", -5 },
	{ "far-away", "a@b", "From a@b Thu Jan  1 00:00:00 1970\n", INT64_MAX },
};

static void
test_from_lines_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
		struct buffer out;
		struct mbox_from from;
		buffer_init(&out, 0);
		mbox_from_add(&out, span_from(written[i].sender),
			written[i].date);
		if (strcmp(buffer_string(&out), written[i].line) != 0)
			fail_msg("written/%s: %s", written[i].name,
				buffer_string(&out));
		assert_true(mbox_from_parse(buffer_span(&out), &from));
		buffer_fini(&out);
	}
}

/* ---- messages ---- */

/* wire: messages in the wire's form, one after the other, "|" behind each;
 * flags: what their fields say, a word each. */
static const struct {
	const char *name, *file, *wire, *flags;
} files[] = {
	{ "empty", "", "", "" },
	{ "empty-lines-only", "\n\n", "", "" },
	{ "one", F "A: 1\n\ntext\n\n", "A: 1\r\n\r\ntext\r\n|", "-" },
	{ "two", F "A: 1\n\none\n\n" F "A: 2\n\ntwo\n\n",
		"A: 1\r\n\r\none\r\n|A: 2\r\n\r\ntwo\r\n|", "- -" },
	{ "empty-lines-before", "\n\n" F "A: 1\n\ntext\n\n",
		"A: 1\r\n\r\ntext\r\n|", "-" },
	{ "no-empty-line-at-the-end", F "A: 1\n\ntext\n",
		"A: 1\r\n\r\ntext\r\n|", "-" },
	{ "no-end-of-line-at-the-end", F "A: 1\n\ntext",
		"A: 1\r\n\r\ntext\r\n|", "-" },
	{ "cr-at-the-end", F "A: 1\n\ntext\r",
		"A: 1\r\n\r\ntext\r\n|", "-" },
	{ "empty-lines-in-body", F "A: 1\n\n\ntext\n\n\n\n" F "\nb\n",
		"A: 1\r\n\r\n\r\ntext\r\n\r\n\r\n|\r\nb\r\n|", "- -" },
	{ "no-body", F "A: 1\n\n" F "A: 2\n\n\n",
		"A: 1\r\n\r\n|A: 2\r\n\r\n|", "- -" },
	{ "header-only", F "A: 1\n", "A: 1\r\n\r\n|", "-" },
	{ "header-without-end-of-line", F "A: 1", "A: 1\r\n\r\n|", "-" },
	{ "from-line-only", F, "\r\n|", "-" },
	{ "nothing-at-all", F "\n" F "\n\n", "\r\n|\r\n|", "- -" },
	{ "crlf", "From a@b Sun Nov 22 16:30:35 2026\r\nA: 1\r\n\r\ntext\r\n\r\n"
		"From a@b Sun Nov 22 16:30:35 2026\r\nA: 2\r\n\r\ntwo\r\n\r\n",
		"A: 1\r\n\r\ntext\r\n|A: 2\r\n\r\ntwo\r\n|", "- -" },
	{ "from-not-after-empty-line", F "A: 1\n\ntext\n" F "more\n\n",
		"A: 1\r\n\r\ntext\r\nFrom a@b Sun Nov 22 16:30:35 2026\r\nmore\r\n|", "-" },
	{ "from-without-date", F "A: 1\n\ntext\n\nFrom me to you\n\n",
		"A: 1\r\n\r\ntext\r\n\r\nFrom me to you\r\n|", "-" },
	{ "quoted", F "A: 1\n\n>From me\n>>From you\n> From us\n>Fromage\n\n",
		"A: 1\r\n\r\nFrom me\r\n>From you\r\n> From us\r\n>Fromage\r\n|", "-" },
	{ "nobody-quoted-here", F "A: 1\n\nFrom me\n>From you\n\n",
		"A: 1\r\n\r\nFrom me\r\n>From you\r\n|", "-" },
	{ "quoted-in-header", F ">From joe\nA: 1\n\nb\n\n",
		">From joe\r\nA: 1\r\n\r\nb\r\n|", "-" },
	{ "content-length", F "Content-Length: 42\n\none\n\n" F "\nb\n\n" F "\nc\n\n",
		"\r\none\r\n\r\nFrom a@b Sun Nov 22 16:30:35 2026\r\n\r\nb\r\n|\r\nc\r\n|", "- -" },
	{ "content-length-with-empty-line", F "Content-Length: 43\n\none\n\n" F "\nb\n\n" F "\nc\n\n",
		"\r\none\r\n\r\nFrom a@b Sun Nov 22 16:30:35 2026\r\n\r\nb\r\n|\r\nc\r\n|", "- -" },
	{ "content-length-to-the-end", F "Content-Length: 42\n\none\n\n" F "\nb\n\n",
		"\r\none\r\n\r\nFrom a@b Sun Nov 22 16:30:35 2026\r\n\r\nb\r\n|", "-" },
	{ "content-length-no-empty-line", F "Content-Length: 4\n\none\n" F "\nb\n\n",
		"\r\none\r\n|\r\nb\r\n|", "- -" },
	{ "content-length-of-body-without-end", F "Content-Length: 41\n\none\n\n" F "\nb\n\n" F "\nc\n\n",
		"\r\none\r\n\r\nFrom a@b Sun Nov 22 16:30:35 2026\r\n\r\nb\r\n|\r\nc\r\n|", "- -" },
	{ "content-length-wrong", F "Content-Length: 40\n\none\n\n" F "\nb\n\n" F "\nc\n\n",
		"\r\none\r\n|\r\nb\r\n|\r\nc\r\n|", "- - -" },
	{ "content-length-too-long", F "Content-Length: 4100\n\none\n\n" F "\nb\n\n",
		"\r\none\r\n|\r\nb\r\n|", "- -" },
	{ "content-length-enormous", F "Content-Length: 99999999999999999999\n\none\n\n",
		"\r\none\r\n|", "-" },
	{ "content-length-twice", F "Content-Length: 41\nContent-Length: 42\n\none\n\n" F "\nb\n\n",
		"\r\none\r\n|\r\nb\r\n|", "- -" },
	{ "status", F "Status: RO\nA: 1\nX-Status: AF\n\nb\n\n" F "status: O\nX-STATUS: DT\n\nb\n\n",
		"A: 1\r\n\r\nb\r\n|\r\nb\r\n|", "SAF DT" },
	{ "status-padded", F "Status:   \nX-Status: F   \nX-Keywords: one two     \n\nb\n\n",
		"\r\nb\r\n|", "F:one,two" },
	{ "status-folded", F "A: 1\nX-Keywords: one\n two\n\tthree\nB: 2\n\nb\n\n",
		"A: 1\r\nB: 2\r\n\r\nb\r\n|", "-:one,two,three" },
	{ "status-blank-before-colon", F "Status : RO\n\nb\n\n", "\r\nb\r\n|", "S" },
	{ "status-twice", F "Status: O\nStatus: RO\n\nb\n\n", "\r\nb\r\n|", "-" },
	{ "other-programs-fields", F "X-UID: 7\nX-IMAPbase: 5 9\nX-IMAP: 5 9\nLines: 4\nX-UIDL: a\n\nb\n\n",
		"X-UIDL: a\r\n\r\nb\r\n|", "-" },
	{ "field-without-colon", F "Status\nStatus: R\n\nb\n\n", "Status\r\n\r\nb\r\n|", "S" },
	{ "internal", F "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 5 9\n\nb\n\n" F "A: 1\n\nb\n\n",
		"A: 1\r\n\r\nb\r\n|", "-" },
	{ "only-called-internal", F "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\n\nb\n\n",
		"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\r\n\r\nb\r\n|", "-" },
};

static void
say_flags(const struct mbox_message *message, struct buffer *out)
{
	static const char letter[] = "SAFDT";
	uint32_t flags = mbox_fields_flags(message->value[MBOX_STATUS].text,
		message->value[MBOX_X_STATUS].text);
	struct span keywords = message->value[MBOX_X_KEYWORDS].text, word;
	if (out->size > 0)
		buffer_add_byte(out, ' ');
	for (int i = 0; i < 5; i++)
		if (flags & (1u << i))
			buffer_add_byte(out, letter[i]);
	if (flags == 0)
		buffer_add_byte(out, '-');
	for (char c = ':'; span_word(&keywords, &word); c = ',') {
		buffer_add_byte(out, c);
		buffer_add(out, word);
	}
}

/* The file's messages, as the table says them. */
static void
scan(struct span file, struct buffer *wire, struct buffer *flags)
{
	struct mbox_source source = mbox_source_memory(&file);
	struct mbox_scanner *scanner = mbox_scanner_new(&source, 0, false);
	struct mbox_message message;
	struct error error;
	int result;
	while ((result = mbox_scanner_next(scanner, &message, &error)) > 0) {
		if (message.is_internal)
			continue;
		size_t before = wire->size;
		mbox_content_read(span_first(span_skip(file, message.place),
			message.end - message.place), &(struct mbox_message){
			.head = message.head - message.place,
			.head_end = message.head_end - message.place,
			.body = message.body - message.place,
			.body_end = message.body_end - message.place,
			.is_unquoted = message.is_unquoted }, wire);
		assert_int_equal(wire->size - before, message.size);
		buffer_add_byte(wire, '|');
		say_flags(&message, flags);
	}
	assert_int_equal(result, 0);
	mbox_scanner_free(&scanner);
}

static void
test_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct buffer wire, flags;
		buffer_init(&wire, 0);
		buffer_init(&flags, 0);
		scan(span_from(files[i].file), &wire, &flags);
		if (strcmp(buffer_string(&wire), files[i].wire) != 0)
			fail_msg("files/%s: %s", files[i].name,
				buffer_string(&wire));
		if (strcmp(buffer_string(&flags), files[i].flags) != 0)
			fail_msg("files/%s: flags %s", files[i].name,
				buffer_string(&flags));
		buffer_fini(&wire);
		buffer_fini(&flags);
	}
}

static void
test_what_is_no_mbox(void **state)
{
	static const char *const text[] = { "hello\n", "From me\n", ">From a\n",
		"\n\nnotes\n", "\x7f" "ELF" };
	(void)state;
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		struct span file = span_from(text[i]);
		struct mbox_source source = mbox_source_memory(&file);
		struct mbox_scanner *scanner = mbox_scanner_new(&source, 0, false);
		struct mbox_message message;
		struct error error;
		assert_int_equal(mbox_scanner_next(scanner, &message, &error), -1);
		assert_int_equal(error.code, ERROR_DAMAGED);
		mbox_scanner_free(&scanner);
	}
}

/* ---- keys ---- */

static void
key_of(struct span file, uint8_t key[FORMAT_KEY_SIZE])
{
	struct mbox_source source = mbox_source_memory(&file);
	struct mbox_scanner *scanner = mbox_scanner_new(&source, 0, false);
	struct mbox_message message;
	struct error error;
	assert_int_equal(mbox_scanner_next(scanner, &message, &error), 1);
	memcpy(key, message.key, FORMAT_KEY_SIZE);
	mbox_scanner_free(&scanner);
}

/* All that other programs do to a message when they write its mailbox. */
static void
test_key_stays(void **state)
{
	static const char *const text[] = {
		F "A: 1\nB: 2\n\nbody\n\n",
		F "A: 1\nB: 2\n\nbody\n",
		F "A: 1\nB: 2\n\nbody",
		F "A: 1\nB: 2\n\nbody\n\n" F "\nnext\n\n",
		F "A: 1\nB: 2\nStatus: RO\nX-Status: A\nContent-Length: 5\nLines: 1\n\nbody\n\n",
		F "Status: O\nA: 1\nX-UID: 4\nX-IMAPbase: 1 2\nB: 2\nX-Keywords: a\n b\n\nbody\n\n",
		"From someone@else Mon Nov 23 01:02:03 2026\nA: 1\nB: 2\n\nbody\n\n",
	};
	uint8_t first[FORMAT_KEY_SIZE], other[FORMAT_KEY_SIZE];
	(void)state;
	key_of(span_from(text[0]), first);
	for (size_t i = 1; i < sizeof(text) / sizeof(text[0]); i++) {
		key_of(span_from(text[i]), other);
		if (memcmp(first, other, sizeof(first)) != 0)
			fail_msg("key/stays: %zu", i);
	}
	key_of(span_from(F "A: 1\nB: 2\n\nbody\n\n\n"), other);
	assert_memory_not_equal(first, other, sizeof(first));
	key_of(span_from(F "A: 1\nB: 2\n\nBody\n\n"), other);
	assert_memory_not_equal(first, other, sizeof(first));
}

/* ---- writing ---- */

static int
collect(void *context, struct span bytes, struct error *error)
{
	(void)error;
	buffer_add(context, bytes);
	return 0;
}

static void
write_message(struct span wire, const struct store_flags *flags,
	struct buffer *out, uint8_t key[FORMAT_KEY_SIZE])
{
	struct mbox_source source = mbox_source_memory(&wire);
	struct mbox_measure measure;
	struct error error;
	const struct mbox_writing writing = { &source, &measure, flags,
		1795365035, collect, out };
	assert_int_equal(mbox_content_measure(&source, &measure, &error), 0);
	assert_int_equal(mbox_content_write(&writing, key, &error), 0);
}

#define NEW "Status:   \nX-Status:     \n" \
	"X-Keywords:                                         \n"

static const struct {
	const char *name, *wire, *file, *back;	/* back NULL: the same */
} messages[] = {
	{ "plain", "A: 1\r\n\r\ntext\r\n", "From MAILER-DAEMON Sun Nov 22 16:30:35 2026\n"
		"A: 1\n" NEW "Content-Length: 5\n\ntext\n\n", NULL },
	{ "sender", "Return-Path: <x@y>\r\nReturn-Path: <no@where>\r\n\r\nb\r\n",
		"From x@y Sun Nov 22 16:30:35 2026\nReturn-Path: <x@y>\nReturn-Path: <no@where>\n"
		NEW "Content-Length: 2\n\nb\n\n", NULL },
	{ "no-sender", "Return-Path: <>\r\nReturn-Path: <no@where>\r\n\r\nb\r\n",
		"From MAILER-DAEMON Sun Nov 22 16:30:35 2026\nReturn-Path: <>\nReturn-Path: <no@where>\n"
		NEW "Content-Length: 2\n\nb\n\n", NULL },
	{ "quoting", "\r\nFrom a\r\n>From b\r\n>>From c\r\n From d\r\nfrom e\r\n",
		"From MAILER-DAEMON Sun Nov 22 16:30:35 2026\n" NEW "Content-Length: 42\n\n"
		">From a\n>>From b\n>>>From c\n From d\nfrom e\n\n", NULL },
	{ "empty", "", "From MAILER-DAEMON Sun Nov 22 16:30:35 2026\n" NEW
		"Content-Length: 0\n\n\n", "\r\n" },
	{ "header-only", "A: 1", "From MAILER-DAEMON Sun Nov 22 16:30:35 2026\nA: 1\n" NEW
		"Content-Length: 0\n\n\n", "A: 1\r\n\r\n" },
	{ "no-end", "A: 1\r\n\r\ntext", "From MAILER-DAEMON Sun Nov 22 16:30:35 2026\nA: 1\n" NEW
		"Content-Length: 5\n\ntext\n\n", "A: 1\r\n\r\ntext\r\n" },
	{ "empty-lines", "A: 1\r\n\r\n\r\ntext\r\n\r\n\r\n", "From MAILER-DAEMON Sun Nov 22 16:30:35 2026\nA: 1\n" NEW
		"Content-Length: 8\n\n\ntext\n\n\n\n", NULL },
	{ "strangers-status", "Status: RO\r\nA: 1\r\nX-Status: D\r\n Status\r\nContent-Length: 7\r\nX-IMAPbase: 1 4294967295\r\n\r\nb\r\n",
		"From MAILER-DAEMON Sun Nov 22 16:30:35 2026\nA: 1\n" NEW "Content-Length: 2\n\nb\n\n",
		"A: 1\r\n\r\nb\r\n" },
	{ "from-in-header", "From a@b Sun Nov 22 16:30:35 2026\r\nA: 1\r\n\r\nb\r\n",
		"From MAILER-DAEMON Sun Nov 22 16:30:35 2026\nA: 1\n" NEW "Content-Length: 2\n\nb\n\n",
		"A: 1\r\n\r\nb\r\n" },
	{ "lone-cr", "A: 1\r\n\r\na\rb\r\n", "From MAILER-DAEMON Sun Nov 22 16:30:35 2026\nA: 1\n" NEW
		"Content-Length: 4\n\na\rb\n\n", NULL },
};

static void
test_messages_written(void **state)
{
	static const struct store_flags none;
	uint8_t key[FORMAT_KEY_SIZE], found[FORMAT_KEY_SIZE];
	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct buffer file, wire, flags;
		const char *back = messages[i].back != NULL ? messages[i].back :
			messages[i].wire;
		buffer_init(&file, 0);
		buffer_init(&wire, 0);
		buffer_init(&flags, 0);
		write_message(span_from(messages[i].wire), &none, &file, key);
		if (strcmp(buffer_string(&file), messages[i].file) != 0)
			fail_msg("written/%s: %s", messages[i].name,
				buffer_string(&file));
		scan(buffer_span(&file), &wire, &flags);
		if (wire.size != strlen(back) + 1 ||
			memcmp(wire.data, back, wire.size - 1) != 0)
			fail_msg("read-back/%s: %s", messages[i].name,
				buffer_string(&wire));
		key_of(buffer_span(&file), found);
		assert_memory_equal(key, found, sizeof(key));
		buffer_fini(&file);
		buffer_fini(&wire);
		buffer_fini(&flags);
	}
}

static void
test_flags_written(void **state)
{
	const struct span keyword[] = { SPAN("$Forwarded"), SPAN("Work") };
	const struct store_flags flags = { .system = STORE_SEEN |
		STORE_FLAGGED | STORE_DRAFT, .keyword = keyword,
		.keyword_count = 2 };
	uint8_t key[FORMAT_KEY_SIZE];
	struct buffer file, wire, found;
	(void)state;
	buffer_init(&file, 0);
	buffer_init(&wire, 0);
	buffer_init(&found, 0);
	write_message(SPAN("A: 1\r\n\r\nb\r\n"), &flags, &file, key);
	scan(buffer_span(&file), &wire, &found);
	assert_string_equal(buffer_string(&found), "SFT:$Forwarded,Work");
	assert_non_null(strstr(buffer_string(&file), "Status: RO\nX-Status: FT  \n"));
	buffer_fini(&file);
	buffer_fini(&wire);
	buffer_fini(&found);
}

/* Lines and headers that are larger than any window. */
static void
test_long_lines(void **state)
{
	static const struct store_flags none;
	uint8_t key[FORMAT_KEY_SIZE], found[FORMAT_KEY_SIZE];
	(void)state;
	for (size_t size = MBOX_WINDOW - 60; size < MBOX_WINDOW + 60; size += 7) {
		struct buffer wire, file, back, flags;
		buffer_init(&wire, 0);
		buffer_init(&file, 0);
		buffer_init(&back, 0);
		buffer_init(&flags, 0);
		buffer_add_string(&wire, "X-Long: ");
		for (size_t i = 0; i < size; i++)
			buffer_add_byte(&wire, (char)('a' + i % 26));
		buffer_add_string(&wire, "\r\nA: 1\r\n\r\n>From x\r\n");
		for (size_t i = 0; i < 3 * size; i++)
			buffer_add_byte(&wire, (char)('a' + i % 26));
		buffer_add_string(&wire, "\r\n\r\n\r\nFrom\r\nFrom y\r\n");
		write_message(buffer_span(&wire), &none, &file, key);
		write_message(SPAN("\r\nsecond\r\n"), &none, &file, found);
		scan(buffer_span(&file), &back, &flags);
		assert_int_equal(back.size, wire.size + 12);
		assert_memory_equal(back.data, wire.data, wire.size);
		key_of(buffer_span(&file), found);
		assert_memory_equal(key, found, sizeof(key));
		buffer_fini(&wire);
		buffer_fini(&file);
		buffer_fini(&back);
		buffer_fini(&flags);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_lines),
		cmocka_unit_test(test_from_line_too_long),
		cmocka_unit_test(test_from_lines_written),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_what_is_no_mbox),
		cmocka_unit_test(test_key_stays),
		cmocka_unit_test(test_messages_written),
		cmocka_unit_test(test_flags_written),
		cmocka_unit_test(test_long_lines),
	};
	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
