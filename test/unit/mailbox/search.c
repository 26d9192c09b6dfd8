/*
 * SEARCH: criteria parsed and run over a mailbox that this file plays. The
 * messages are in the charsets and encodings of real mail; the strings come in
 * any charset too. What is counted as well: how often a body was opened.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/clock.h"
#include "mailbox/imap/search.h"

/* ---- a mailbox ---- */

enum { MESSAGE_COUNT = 24, DAY = 86400 };

static struct {
	struct store_message facts;
	struct buffer body;
	bool is_gone;		/* expunged since the view was made */
} messages[MESSAGE_COUNT + 1];	/* by sequence number */
static unsigned message_count, opened;

/* Keywords of the mailbox: flag bits 8 and 9. */
static const char *const keywords[] = { "$Junk", "Work" };

void
store_view_facts(const struct store_view *view, struct store_view_facts *facts)
{
	(void)view;
	*facts = (struct store_view_facts){ .exists = message_count,
		.keyword_count = 2 };
}

struct span
store_view_keyword(const struct store_view *view, size_t i)
{
	(void)view;
	return span_from(keywords[i]);
}

bool
store_view_by_uid(const struct store_view *view, uint32_t uid,
	struct store_message *message)
{
	(void)view;
	for (unsigned i = 1; i <= message_count; i++)
		if (messages[i].facts.uid == uid) {
			*message = messages[i].facts;
			return true;
		}
	return false;
}

uint32_t
store_view_uid(const struct store_view *view, uint32_t sequence)
{
	(void)view;
	assert_true(sequence >= 1 && sequence <= message_count);
	return messages[sequence].facts.uid;
}

void
store_view_uids(const struct store_view *view, uint64_t set, uint64_t clear,
	struct number_set *uids)
{
	(void)view;
	for (unsigned i = 1; i <= message_count; i++)
		if ((messages[i].facts.flags & set) == set &&
		    (messages[i].facts.flags & clear) == 0)
			number_set_add(uids, messages[i].facts.uid,
				messages[i].facts.uid);
}

void
store_view_changed(const struct store_view *view, uint64_t since,
	struct number_set *uids)
{
	(void)view;
	for (unsigned i = 1; i <= message_count; i++)
		if (messages[i].facts.modseq > since)
			number_set_add(uids, messages[i].facts.uid,
				messages[i].facts.uid);
}

uint64_t
store_account_id(const struct store_account *account)
{
	(void)account;
	return 1;
}

enum store_verdict
store_body_open(struct store_account *account,
	const struct store_message *message, struct store_body *body,
	struct error *error)
{
	(void)account;
	(void)error;
	opened++;
	if (messages[message->sequence].is_gone)
		return STORE_NO_MESSAGE;
	*body = (struct store_body){ .offset = message->sequence,
		.size = messages[message->sequence].body.size };
	return STORE_OK;
}

int
store_body_read(const struct store_body *body, uint64_t at, void *out,
	size_t size, struct error *error)
{
	const struct buffer *bytes = &messages[body->offset].body;
	(void)error;
	assert_true(at + size <= bytes->size);
	memcpy(out, bytes->data + at, size);
	return 0;
}

void
store_body_close(struct store_body *body)
{
	body->size = 0;
}

enum store_verdict
store_body_head(struct store_account *account,
	const struct store_message *message, size_t size, struct buffer *out,
	struct error *error)
{
	(void)account, (void)message, (void)size, (void)out, (void)error;
	assert_true(false);	/* a search wants more than an envelope */
	return STORE_TROUBLE;
}

bool
store_cache_get(struct store_account *account, uint64_t email,
	enum store_cache kind, struct arena *arena, struct span *bytes)
{
	(void)account, (void)email, (void)kind, (void)arena, (void)bytes;
	return false;
}

void
store_cache_put(struct store_account *account, uint64_t email,
	enum store_cache kind, struct span bytes)
{
	(void)account, (void)email, (void)kind, (void)bytes;
}

/* ---- its messages ---- */

/* A message with UID 10 * sequence number. */
static struct buffer *
add_message(uint64_t flags, int64_t day)
{
	unsigned i = ++message_count;
	assert_true(i <= MESSAGE_COUNT);
	messages[i].facts = (struct store_message){
		.uid = 10 * i, .sequence = i, .flags = flags,
		.modseq = 100 + i, .email = i,
		.internal_date = day * DAY + 3600, .zone = 120,
		.save_date = (day + 1) * DAY,
	};
	messages[i].is_gone = false;
	buffer_clear(&messages[i].body);
	return &messages[i].body;
}

static void
finish_message(void)
{
	messages[message_count].facts.size =
		messages[message_count].body.size;
}

static void
add_converted(struct buffer *out, const char *charset, const char *utf8)
{
	iconv_t handle = iconv_open(charset, "UTF-8");
	assert_true(handle != (iconv_t)-1);
	char *at = (char *)utf8;
	size_t left = strlen(utf8), room = 4 * left + 64;
	assert_true(buffer_reserve(out, room));
	char *to = out->data + out->size;
	assert_true(iconv(handle, &at, &left, &to, &room) != (size_t)-1);
	assert_true(iconv(handle, NULL, NULL, &to, &room) != (size_t)-1);
	out->size = (size_t)(to - out->data);
	iconv_close(handle);
}

static void
add_quoted_printable(struct buffer *out, struct span bytes)
{
	for (size_t i = 0; i < bytes.size; i++) {
		unsigned char c = (unsigned char)bytes.data[i];
		if (c == '\n' || (c > 32 && c < 127 && c != '='))
			buffer_add_byte(out, (char)c);
		else
			buffer_print(out, "=%02X", c);
		if (i % 20 == 19)
			buffer_add_string(out, "=\r\n");
	}
}

static void
add_base64(struct buffer *out, struct span bytes)
{
	for (; bytes.size > 0; bytes = span_skip(bytes, 57)) {
		base64_encode(out, span_first(bytes, 57));
		buffer_add_string(out, "\r\n");
	}
}

/* Subject as an encoded word, body in the encoding, both in the charset. */
static void
add_text(const char *charset, const char *encoding, const char *subject,
	const char *body)
{
	struct buffer *out = add_message(0, 100), bytes;
	buffer_init(&bytes, 0);
	add_converted(&bytes, charset, subject);
	buffer_print(out, "From: =?%s?B?", charset);
	base64_encode(out, buffer_span(&bytes));
	buffer_print(out, "?= <%s@example.org>\r\nSubject: =?%s?B?", charset,
		charset);
	base64_encode(out, buffer_span(&bytes));
	buffer_print(out, "?=\r\nContent-Type: text/plain; charset=\"%s\"\r\n"
		"Content-Transfer-Encoding: %s\r\n\r\n", charset, encoding);
	buffer_clear(&bytes);
	add_converted(&bytes, charset, body);
	if (strcmp(encoding, "base64") == 0)
		add_base64(out, buffer_span(&bytes));
	else if (strcmp(encoding, "quoted-printable") == 0)
		add_quoted_printable(out, buffer_span(&bytes));
	else
		buffer_add(out, buffer_span(&bytes));
	buffer_fini(&bytes);
	finish_message();
}

static void
make_mailbox(void)
{
	message_count = 0;
	/* 1: plain */
	buffer_add_string(add_message(STORE_SEEN, 10),
		"Date: Tue, 12 Jan 1970 23:30:00 -0800\r\n"
		"From: Alice <alice@example.org>\r\nTo: bob@example.org\r\n"
		"Cc: G: carol@example.org;\r\nMessage-ID: <one@example.org>\r\n"
		"Subject: Hello\r\n World\r\nX-Mark: first\r\nX-Mark: second\r\n"
		"X-Empty:\r\n\r\nThe quick brown fox.\r\nSTRASSE\r\n");
	finish_message();
	/* 2: flags, attachments, a message inside */
	buffer_add_string(add_message(STORE_FLAGGED | STORE_DELETED | 1 << 8,
		20),
		"From: bob@example.org\r\nSubject: parts\r\n"
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		"--b\r\n\r\nfirst part\r\n"
		"--b\r\nContent-Type: application/pdf;\r\n"
		" name*=gb18030''%D6%D0%CE%C4.pdf\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\nc2VjcmV0\r\n"
		"--b\r\nContent-Type: message/rfc822\r\n\r\n"
		"Subject: inside\r\nX-Inner: deep\r\n\r\ninner text\r\n--b--\r\n");
	finish_message();
	/* 3: nothing at all */
	add_message(STORE_SEEN | STORE_ANSWERED | STORE_DRAFT | 1 << 9, 30);
	finish_message();
	add_text("utf-8", "8bit", "中文邮件系统", "系统管理员 Größe\r\n");	/* 4 */
	add_text("utf-8", "base64", "驿站", "日本語と中文\r\n");		/* 5 */
	add_text("utf-8", "quoted-printable", "Ünïcode", "naïve 中文\r\n");	/* 6 */
	add_text("gb2312", "8bit", "中文标题", "中文正文内容\r\n");		/* 7 */
	add_text("gb18030", "base64", "繁體與㐀", "正文 𠀀 内容\r\n");	/* 8 */
	add_text("big5", "quoted-printable", "繁體中文", "測試內容\r\n");	/* 9 */
	add_text("iso-2022-jp", "7bit", "日本語の件名", "日本語の本文\r\n");	/* 10 */
	add_text("shift_jis", "base64", "カタカナ", "表示ソフト\r\n");	/* 11 */
	add_text("euc-kr", "8bit", "한국어", "안녕하세요 여러분\r\n");		/* 12 */
	add_text("koi8-r", "8bit", "Привет", "Русский ТЕКСТ\r\n");		/* 13 */
	add_text("utf-16le", "base64", "UTF", "sechzehn 中文\r\n");		/* 14 */
}

/* Pairs of texts of Python's test suite (Debian: libpython3.11-testsuite). */
#define PAIRS "/usr/lib/python3.11/test/cjkencodings/"

static bool
read_pair(struct buffer *out, const char *name, const char *end)
{
	char path[200];
	snprintf(path, sizeof(path), PAIRS "%s%s", name, end);
	FILE *file = fopen(path, "rb");
	if (file == NULL)
		return false;
	assert_true(buffer_reserve(out, 65536));
	out->size += fread(out->data + out->size, 1, 65536, file);
	return fclose(file) == 0;
}

/* ---- searching ---- */

static int
empty(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= MESSAGE_COUNT; i++)
		buffer_fini(&messages[i].body);
	return 0;
}

static enum search_verdict
search(struct span program, struct buffer *out, const char **problem)
{
	struct arena arena;
	struct imap_parse parse;
	struct search *found;
	struct number_set saved, uids;
	struct error error;
	arena_init(&arena, 0);
	number_set_init(&saved);
	number_set_init(&uids);
	number_set_add(&saved, 20, 40);
	imap_parse_init(&parse, program, &arena, true);
	enum search_verdict verdict = search_parse(&parse, &found);
	if (verdict == SEARCH_OK) {
		struct search_scope scope = { .recent_first = 130,
			.saved = &saved, .now = 100 * DAY + 10000,
			.deadline = clock_monotonic() + 20000 };
		assert_int_equal(search_run(found, &scope, &uids, &error), 0);
		number_set_format(out, &uids);
	}
	*problem = parse.problem;
	number_set_fini(&saved);
	number_set_fini(&uids);
	arena_fini(&arena);
	return verdict;
}

static void
expect(const char *name, struct span program, const char *want)
{
	struct buffer out;
	const char *problem;
	buffer_init(&out, 0);
	enum search_verdict verdict = search(program, &out, &problem);
	if (verdict != SEARCH_OK ||
	    !span_equals(buffer_span(&out), span_from(want)))
		fail_msg("%s: verdict %d, got %s, want %s", name, verdict,
			buffer_string(&out), want);
	buffer_fini(&out);
}

static void
keys_find_what_they_say(void **state)
{
	static const struct {
		const char *program, *uids;
	} cases[] = {
		{ "ALL", "10,20,30,40,50,60,70,80,90,100,110,120,130,140" },
		{ "SEEN", "10,30" }, { "NOT SEEN FLAGGED", "20" },
		{ "ANSWERED", "30" }, { "UNANSWERED SEEN", "10" },
		{ "DELETED", "20" }, { "UNDELETED SEEN", "10,30" },
		{ "DRAFT", "30" }, { "FLAGGED", "20" },
		{ "UNDRAFT UNFLAGGED SEEN", "10" },
		{ "UNSEEN 1:3", "20" }, { "NOT UNSEEN", "10,30" },
		{ "SEEN UNSEEN", "" }, { "NOT (SEEN UNSEEN) 1:2", "10,20" },
		{ "KEYWORD $junk", "20" }, { "KEYWORD work", "30" },
		{ "UNKEYWORD $JUNK 1:3", "10,30" },
		{ "NOT KEYWORD $Junk 1:3", "10,30" },
		{ "NOT UNKEYWORD $Junk", "20" },
		{ "KEYWORD nobody", "" }, { "UNKEYWORD nobody 1", "10" },
		{ "OR KEYWORD $Junk KEYWORD Work", "20,30" },
		{ "RECENT", "130,140" }, { "NEW", "130,140" },
		{ "OLD 12:14", "120" }, { "NOT OLD", "130,140" },
		{ "OR RECENT 1", "10,130,140" },
		{ "2", "20" }, { "2,4:3", "20,30,40" }, { "*", "140" },
		{ "13:*", "130,140" }, { "99:*", "140" }, { "15:99", "" },
		{ "UID 20:35", "20,30" }, { "UID *", "140" },
		{ "UID 21", "" }, { "NOT 3:*", "10,20" },
		{ "$", "20,30,40" }, { "UID $ SEEN", "30" },
		{ "NOT $ 1:5", "10,50" }, { "OR 1 UID 30", "10,30" },
		{ "LARGER 0 1:3", "10,20" }, { "SMALLER 1", "30" },
		{ "NOT LARGER 0", "30" }, { "SMALLER 9223372036854775807 3",
			"30" },
		{ "BEFORE 11-Jan-1970", "" }, { "ON 11-Jan-1970", "10" },
		{ "SINCE 31-Jan-1970 1:3", "30" },
		{ "BEFORE \"1-Feb-1970\"", "10,20,30" },
		{ "SAVEDON 12-Jan-1970", "10" },
		{ "SAVEDBEFORE 1-Feb-1970", "10,20" },
		{ "SAVEDSINCE 1-Feb-1970 1:3", "30" },
		{ "OLDER 6490000", "10,20" }, { "YOUNGER 6490000 1:3", "30" },
		{ "MODSEQ 113", "130,140" }, { "MODSEQ 0 1", "10" },
		{ "MODSEQ \"/flags/\\\\draft\" all 114", "140" },
		{ "OR MODSEQ 114 1", "10,140" },
		/* the day is the sender's */
		{ "SENTON 12-Jan-1970", "10" }, { "SENTBEFORE 12-Jan-1970", "" },
		{ "SENTSINCE 12-Jan-1970", "10" },
		{ "NOT SENTSINCE 12-Jan-1970 1:3", "20,30" },
		{ "FROM alice", "10" }, { "FROM \"ALICE@EXAMPLE\"", "10" },
		{ "TO bob", "10" }, { "CC carol", "10" }, { "BCC x", "" },
		{ "SUBJECT \"hello world\"", "10" },
		{ "HEADER Message-ID <one@", "10" },
		{ "HEADER X-Mark second", "10" }, { "HEADER x-mark \"\"", "10" },
		{ "HEADER X-Empty \"\"", "10" }, { "HEADER X-Empty x", "" },
		{ "HEADER X-None \"\"", "" }, { "HEADER X-Inner deep", "" },
		{ "SUBJECT \"\" 1:3", "10,20" },
		{ "BODY \"quick BROWN\"", "10" }, { "BODY hello", "" },
		{ "TEXT hello", "10" }, { "TEXT x-mark:", "10" },
		{ "BODY straße", "10" }, { "BODY \"\" 1:3", "10,20,30" },
		{ "BODY \"first part\"", "20" }, { "BODY inside", "20" },
		{ "BODY \"inner text\"", "20" }, { "TEXT deep", "20" },
		{ "BODY 中文.pdf", "20" }, { "BODY secret", "" },
		{ "BODY multipart", "" }, { "TEXT multipart", "20" },
		{ "BODY fox BODY strasse", "10" },
		{ "OR BODY fox BODY \"inner text\"", "10,20" },
		{ "OR (BODY fox NOT BODY dog) FLAGGED", "10,20" },
		{ "NOT TEXT example 1:3", "30" },
		{ "(((1)))", "10" }, { "NOT NOT 1", "10" },
		{ "1 1 (1 1)", "10" },
	};
	(void)state;
	make_mailbox();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* non-ASCII in atoms is no IMAP: such words become literals */
		struct buffer program;
		struct span rest = span_from(cases[i].program), word;
		buffer_init(&program, 0);
		while (span_split(&rest, ' ', &word)) {
			bool is_ascii = true;
			for (size_t j = 0; j < word.size; j++)
				is_ascii = is_ascii && word.data[j] > 0;
			if (!is_ascii)
				buffer_print(&program, "{%zu}\r\n", word.size);
			buffer_add(&program, word);
			if (rest.data != NULL)
				buffer_add_byte(&program, ' ');
		}
		expect(cases[i].program, buffer_span(&program), cases[i].uids);
		buffer_fini(&program);
	}
}

static void
charsets_do_not_matter(void **state)
{
	/* each string in each charset that has its characters */
	static const struct {
		const char *key, *string, *uids;
		const char *charsets[5];
	} cases[] = {
		{ "SUBJECT", "中文", "40,70,90",
			{ "utf-8", "gb2312", "gb18030", "big5", "utf-16be" } },
		{ "FROM", "中文", "40,70,90", { "utf-8", "gbk" } },
		{ "BODY", "中文", "20,50,60,70,140",
			{ "utf-8", "gb2312", "big5", "shift_jis", "euc-jp" } },
		{ "TEXT", "中文", "20,40,50,60,70,90,140", { "utf-8" } },
		{ "BODY", "内容", "70,80", { "utf-8", "gb18030" } },
		{ "BODY", "𠀀", "80", { "utf-8", "gb18030" } },
		{ "SUBJECT", "㐀", "80", { "utf-8", "gb18030" } },
		{ "BODY", "測試", "90", { "utf-8", "big5", "gb18030" } },
		{ "BODY", "本文", "100",
			{ "utf-8", "iso-2022-jp", "shift_jis", "euc-jp", "gbk" } },
		{ "SUBJECT", "件名", "100", { "utf-8", "iso-2022-jp" } },
		{ "BODY", "表示", "110", { "utf-8", "shift_jis" } },
		{ "BODY", "ｿﾌﾄ", "110", { "utf-8", "shift_jis" } },
		{ "SUBJECT", "カタ", "110", { "utf-8", "euc-jp" } },
		{ "BODY", "여러분", "120", { "utf-8", "euc-kr" } },
		{ "SUBJECT", "한국", "120", { "utf-8", "euc-kr" } },
		{ "BODY", "РУССКИЙ текст", "130",
			{ "utf-8", "koi8-r", "windows-1251" } },
		{ "SUBJECT", "ПРИВЕТ", "130", { "utf-8", "koi8-r" } },
		{ "BODY", "GRÖSSE", "40", { "utf-8", "iso-8859-1" } },
		{ "BODY", "NAÏVE", "60", { "utf-8", "windows-1252" } },
		{ "SUBJECT", "ünïCODE", "60", { "utf-8", "iso-8859-15" } },
		/* half of a character is nothing: 0xd0 0xd6 inside of others */
		{ "BODY", "文邮", "", { "utf-8", "gb18030" } },
	};
	(void)state;
	make_mailbox();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t j = 0; j < 5 && cases[i].charsets[j] != NULL; j++) {
			struct buffer program, string;
			buffer_init(&program, 0);
			buffer_init(&string, 0);
			add_converted(&string, cases[i].charsets[j],
				cases[i].string);
			buffer_print(&program, "CHARSET %s %s {%zu}\r\n",
				cases[i].charsets[j], cases[i].key,
				string.size);
			buffer_add(&program, buffer_span(&string));
			if (span_find(buffer_span(&string), 0) == string.size)
				expect(cases[i].string, buffer_span(&program),
					cases[i].uids);
			buffer_fini(&program);
			buffer_fini(&string);
		}
}

/* Headers of mailers that encode nothing. */
static void
bytes_in_headers_are_of_the_charset_of_the_text(void **state)
{
	static const struct {
		const char *charset, *before, *after;
	} cases[] = {
		{ "gb2312", "Content-Type: text/plain; charset=gb2312\r\n", "" },
		{ "big5", "Content-Type: text/html; charset=BIG5\r\n", "" },
		{ "iso-2022-jp", "Content-Type: text/plain; "
			"charset=ISO-2022-JP\r\n", "" },
		{ "gb18030", "Content-Type: multipart/mixed; boundary=b\r\n",
			"--b\r\nContent-Type: text/plain; charset=gbk\r\n"
			"\r\n--b--\r\n" },
		{ "utf-8", "Content-Type: text/plain; charset=gb2312\r\n", "" },
		{ "utf-8", "", "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		message_count = 0;
		struct buffer *out = add_message(0, 1);
		buffer_print(out, "%sSubject: ", cases[i].before);
		add_converted(out, cases[i].charset, "中文 x");
		buffer_add_string(out, " =?utf-8?q?y?=\r\n\r\n");
		buffer_add_string(out, cases[i].after);
		finish_message();
		expect(cases[i].charset, SPAN("SUBJECT {10}\r\n"
			"\xe4\xb8\xad\xe6\x96\x87 x y"), "10");
		expect(cases[i].charset, SPAN("TEXT {6}\r\n"
			"\xe4\xb8\xad\xe6\x96\x87"), "10");
	}
}

/* Every line of a text in a charset is found by what it is in UTF-8. */
static void
pairs_of_others_are_found(void **state)
{
	static const struct {
		const char *file, *label;
	} pairs[] = {
		{ "big5", "big5" }, { "big5hkscs", "big5-hkscs" },
		{ "cp949", "cp949" }, { "euc_jisx0213", "euc-jisx0213" },
		{ "euc_jp", "euc-jp" }, { "euc_kr", "euc-kr" },
		{ "gb18030", "gb18030" }, { "gb2312", "gb2312" },
		{ "gbk", "gbk" }, { "hz", "hz-gb-2312" },
		{ "iso2022_jp", "iso-2022-jp" },
		{ "iso2022_kr", "iso-2022-kr" }, { "johab", "johab" },
		{ "shift_jis", "shift_jis" },
		{ "shift_jisx0213", "shift_jisx0213" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct buffer utf8, program;
		struct span rest, line;
		size_t lines = 0;
		buffer_init(&utf8, 0);
		buffer_init(&program, 0);
		message_count = 0;
		struct buffer *body = add_message(0, 1);
		buffer_print(body, "Content-Type: text/plain; charset=%s\r\n\r\n",
			pairs[i].label);
		if (!read_pair(body, pairs[i].file, ".txt"))
			skip();
		finish_message();
		assert_true(read_pair(&utf8, pairs[i].file, "-utf8.txt"));
		for (rest = buffer_span(&utf8); span_split(&rest, '\n', &line);
		    lines += line.size > 0) {
			buffer_clear(&program);
			buffer_print(&program, "BODY {%zu}\r\n", line.size);
			buffer_add(&program, line);
			expect(pairs[i].file, buffer_span(&program), "10");
		}
		assert_true(lines > 0);
		buffer_fini(&utf8);
		buffer_fini(&program);
	}
}

/* The string lies on each byte of every border between pieces. */
static void
borders_of_pieces_hide_nothing(void **state)
{
	static const struct {
		const char *charset, *encoding;
		char filler;
	} bodies[] = {
		{ "utf-8", "8bit", 'x' }, { "utf-8", "base64", ' ' },
		{ "gb18030", "8bit", 'x' }, { "big5", "quoted-printable", '\n' },
		{ "shift_jis", "base64", 'x' }, { "euc-kr", "8bit", ' ' },
		{ "iso-2022-jp", "7bit", '\n' },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		for (size_t shift = 0; shift < 24; shift++) {
			struct buffer text;
			buffer_init(&text, 0);
			for (size_t n = 0; n < 65536 - shift; n++)
				buffer_add_byte(&text, n % 64 == 63 ? '\n' :
					bodies[i].filler);
			buffer_add_string(&text, "日本 END");
			for (size_t n = 0; n < 70000; n++)
				buffer_add_byte(&text, '.');
			message_count = 0;
			add_text(bodies[i].charset, bodies[i].encoding, "x",
				buffer_string(&text));
			expect(bodies[i].charset, SPAN("BODY {10}\r\n"
				"\xe6\x97\xa5\xe6\x9c\xac end"), "10");
			expect(bodies[i].charset, SPAN("BODY {10}\r\n"
				"\xe6\x97\xa5\xe6\x9c\xac and"), "");
			buffer_fini(&text);
		}
}

/* A mark on the last letter of a piece belongs to that letter. */
static void
marks_after_a_border_are_not_lost(void **state)
{
	struct buffer *body;
	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		message_count = 0;
		body = add_message(0, 1);
		buffer_add_string(body, "\r\n");
		while (body->size < 65536 + 2 - shift)
			buffer_add_byte(body, ' ');
		buffer_add_string(body, "re\xcc\x81sume\xcc\x81");
		finish_message();
		expect("composed", SPAN("BODY {8}\r\nr\xc3\xa9sum\xc3\xa9"),
			"10");
		expect("without mark", SPAN("BODY resume"), "");
	}
}

static void
bodies_are_opened_only_when_needed(void **state)
{
	static const struct {
		const char *program;
		unsigned opened;
	} cases[] = {
		{ "ALL", 0 }, { "UNSEEN LARGER 10 SINCE 1-Jan-1970", 0 },
		{ "BODY fox SEEN FROM alice", 2 },
		{ "BODY fox 99", 0 }, { "OR BODY fox 1:*", 0 },
		{ "NOT (BODY fox SEEN) FLAGGED", 0 },
		{ "TEXT fox BODY fox TEXT dog 1", 1 },
		{ "HEADER X-Mark a HEADER X-Mark b BODY c 2", 1 },
	};
	(void)state;
	make_mailbox();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer out;
		const char *problem;
		buffer_init(&out, 0);
		opened = 0;
		assert_int_equal(search(span_from(cases[i].program), &out,
			&problem), SEARCH_OK);
		if (opened != cases[i].opened)
			fail_msg("%s: %u bodies", cases[i].program, opened);
		buffer_fini(&out);
	}
}

static void
expunged_messages_have_no_contents(void **state)
{
	(void)state;
	make_mailbox();
	messages[1].is_gone = true;
	expect("flags are known", SPAN("SEEN"), "10,30");
	expect("body", SPAN("1:3 BODY fox"), "");
	expect("not body", SPAN("1:3 NOT BODY fox"), "20,30");
	expect("not header", SPAN("1:3 NOT HEADER X-Mark a"), "20,30");
	expect("either", SPAN("1:3 OR BODY fox SEEN"), "10,30");
}

static void
an_empty_mailbox_has_nothing(void **state)
{
	static const char *const programs[] = { "ALL", "1", "*", "1:*", "UID *",
		"UID 1:*", "$", "BODY x", "NOT SEEN" };
	(void)state;
	message_count = 0;
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		expect(programs[i], span_from(programs[i]), "");
}

static void
what_is_no_program_is_refused(void **state)
{
	static const struct {
		const char *program;
		enum search_verdict verdict;
	} cases[] = {
		{ "", SEARCH_BAD_SYNTAX }, { "NOSUCH", SEARCH_BAD_SYNTAX },
		{ "SEEN ", SEARCH_BAD_SYNTAX }, { " SEEN", SEARCH_BAD_SYNTAX },
		{ "SEEN  SEEN", SEARCH_BAD_SYNTAX }, { "()", SEARCH_BAD_SYNTAX },
		{ "(SEEN", SEARCH_BAD_SYNTAX }, { "SEEN)", SEARCH_BAD_SYNTAX },
		{ "NOT", SEARCH_BAD_SYNTAX }, { "OR SEEN", SEARCH_BAD_SYNTAX },
		{ "0", SEARCH_BAD_SYNTAX }, { "1:", SEARCH_BAD_SYNTAX },
		{ "1,,2", SEARCH_BAD_SYNTAX }, { "UID x", SEARCH_BAD_SYNTAX },
		{ "LARGER -1", SEARCH_BAD_SYNTAX },
		{ "LARGER 9223372036854775808", SEARCH_BAD_SYNTAX },
		{ "SINCE 31-Feb-2000", SEARCH_BAD_SYNTAX },
		{ "SINCE 1-1-2000", SEARCH_BAD_SYNTAX },
		{ "BODY", SEARCH_BAD_SYNTAX }, { "HEADER X", SEARCH_BAD_SYNTAX },
		{ "KEYWORD \\Seen", SEARCH_BAD_SYNTAX },
		{ "OLDER 0", SEARCH_BAD_SYNTAX },
		{ "MODSEQ \"/flags/x\" some 1", SEARCH_BAD_SYNTAX },
		{ "CHARSET", SEARCH_BAD_SYNTAX },
		{ "CHARSET utf-8", SEARCH_BAD_SYNTAX },
		{ "CHARSET x-none SEEN", SEARCH_BAD_CHARSET },
		{ "CHARSET iso-2022-cn-ext SEEN", SEARCH_BAD_CHARSET },
		{ "CHARSET utf-8 SEEN", SEARCH_OK },
		{ "CHARSET \"GB2312\" SEEN", SEARCH_OK },
	};
	(void)state;
	make_mailbox();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer out;
		const char *problem;
		buffer_init(&out, 0);
		enum search_verdict verdict = search(
			span_from(cases[i].program), &out, &problem);
		if (verdict != cases[i].verdict ||
		    (problem != NULL) != (verdict == SEARCH_BAD_SYNTAX))
			fail_msg("\"%s\": %d %s", cases[i].program, verdict,
				problem == NULL ? "" : problem);
		buffer_fini(&out);
	}
}

static void
programs_are_bounded(void **state)
{
	static const struct {
		const char *before, *key, *between, *after;
		size_t most;
	} shapes[] = {
		{ "(", "SEEN", "", ")", SEARCH_DEPTH_LIMIT - 1 },
		{ "NOT ", "SEEN", "", "", SEARCH_DEPTH_LIMIT - 1 },
		{ "OR SEEN ", "SEEN", "", "", SEARCH_DEPTH_LIMIT - 1 },
		{ "SEEN ", "SEEN", "", "", SEARCH_KEY_LIMIT - 2 },
	};
	(void)state;
	make_mailbox();
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		for (size_t more = 0; more < 2; more++) {
			struct buffer program, out;
			const char *problem;
			buffer_init(&program, 0);
			buffer_init(&out, 0);
			size_t count = shapes[i].most + more;
			for (size_t n = 0; n < count; n++)
				buffer_add_string(&program, shapes[i].before);
			buffer_add_string(&program, shapes[i].key);
			for (size_t n = 0; n < count; n++)
				buffer_add_string(&program, shapes[i].after);
			assert_int_equal(search(buffer_span(&program), &out,
				&problem), more == 0 ? SEARCH_OK :
				SEARCH_BAD_SYNTAX);
			buffer_fini(&program);
			buffer_fini(&out);
		}
}

static void
a_search_ends_at_its_deadline(void **state)
{
	struct arena arena;
	struct imap_parse parse;
	struct search *found;
	struct number_set none;
	struct error error = { 0 };
	struct search_scope scope = { .saved = &none };
	(void)state;
	make_mailbox();
	arena_init(&arena, 0);
	number_set_init(&none);
	imap_parse_init(&parse, SPAN("BODY x"), &arena, true);
	assert_int_equal(search_parse(&parse, &found), SEARCH_OK);
	assert_int_equal(search_run(found, &scope, &none, &error), -1);
	assert_int_equal(error.code, ERROR_TIMEOUT);
	number_set_fini(&none);
	arena_fini(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_find_what_they_say),
		cmocka_unit_test(charsets_do_not_matter),
		cmocka_unit_test(bytes_in_headers_are_of_the_charset_of_the_text),
		cmocka_unit_test(pairs_of_others_are_found),
		cmocka_unit_test(borders_of_pieces_hide_nothing),
		cmocka_unit_test(marks_after_a_border_are_not_lost),
		cmocka_unit_test(bodies_are_opened_only_when_needed),
		cmocka_unit_test(expunged_messages_have_no_contents),
		cmocka_unit_test(an_empty_mailbox_has_nothing),
		cmocka_unit_test(what_is_no_program_is_refused),
		cmocka_unit_test(programs_are_bounded),
		cmocka_unit_test(a_search_ends_at_its_deadline),
	};
	return cmocka_run_group_tests(tests, NULL, empty);
}
