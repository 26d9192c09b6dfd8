/*
 * BODY and BODYSTRUCTURE of whole and of broken messages: the text that an
 * IMAP client sees (RFC 9051 7.5.2), with sizes and lines of the stored bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/mime.h"

/* The default part: text/plain without header. */
#define PLAIN(octets, lines) "(\"text\" \"plain\" (\"charset\" \"us-ascii\") " \
	"NIL NIL \"7bit\" " #octets " " #lines ")"
#define PLAIN_X(octets, lines) "(\"text\" \"plain\" (\"charset\" \"us-ascii\") " \
	"NIL NIL \"7bit\" " #octets " " #lines " NIL NIL NIL NIL)"
#define NO_ENVELOPE "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"
#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n\r\n"

static const struct {
	const char *name, *message;
	unsigned flags;
	const char *structure;
} cases[] = {
	{ "empty-message", "", 0, PLAIN(0, 0) },
	{ "only-header", "Subject: x\r\n", 0, PLAIN(0, 0) },
	{ "header-without-line-end", "Subject: x", 0, PLAIN(0, 0) },
	{ "only-empty-line", "\r\n", 0, PLAIN(0, 0) },
	{ "body-after-empty-line", "\r\nabc\r\n", 0, PLAIN(5, 1) },
	{ "body-without-header", "no field here\r\nabc\r\n", 0, PLAIN(20, 2) },
	{ "bare-line-feeds", "Subject: x\n\na\nb\n", 0, PLAIN(4, 2) },
	{ "last-line-without-end", "Subject: x\r\n\r\na\r\nb", 0,
		PLAIN(4, 1) },
	{ "text", "Content-Type: TEXT/HTML; Charset=\"UTF-8\"\r\n"
		"Content-Transfer-Encoding: Quoted-Printable\r\n"
		"Content-ID: <i@d>\r\nContent-Description: what it is\r\n\r\n"
		"x\r\n", 0,
		"(\"text\" \"html\" (\"charset\" \"UTF-8\") \"<i@d>\" "
		"\"what it is\" \"quoted-printable\" 3 1)" },
	{ "extension-data", "Content-Type: image/png\r\n"
		"Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\n"
		"Content-Disposition: attachment; filename=a.png; size=3\r\n"
		"Content-Language: en, zh-Hans\r\n"
		"Content-Location: http://x.example/a.png\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\nAAAA", MIME_EXTENDED,
		"(\"image\" \"png\" NIL NIL NIL \"base64\" 4 "
		"\"Q2hlY2sgSW50ZWdyaXR5IQ==\" (\"attachment\" (\"filename\" "
		"\"a.png\" \"size\" \"3\")) (\"en\" \"zh-Hans\") "
		"\"http://x.example/a.png\")" },
	{ "one-language", "Content-Language: de\r\n\r\n", MIME_EXTENDED,
		"(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" "
		"0 0 NIL NIL \"de\" NIL)" },
	{ "two-parts", MIXED "preamble\r\n--b\r\n\r\none\r\n--b\r\n"
		"Content-Type: image/gif\r\n\r\ntwo\r\n--b--\r\nepilogue\r\n", 0,
		"(" PLAIN(3, 0) "(\"image\" \"gif\" NIL NIL NIL \"7bit\" 3) "
		"\"mixed\")" },
	{ "multipart-extension-data", "Content-Type: multipart/related; "
		"boundary=\"b\"; type=\"text/html\"\r\n"
		"Content-Disposition: inline\r\nContent-Language: fr\r\n"
		"Content-Location: x/\r\n\r\n--b\r\n\r\na\r\n--b--",
		MIME_EXTENDED,
		"(" PLAIN_X(1, 0) " \"related\" (\"boundary\" \"b\" \"type\" "
		"\"text/html\") (\"inline\" NIL) \"fr\" \"x/\")" },
	{ "part-body-keeps-its-line-ends", MIXED
		"--b\r\n\r\none\r\n\r\n--b--\r\n", 0,
		"(" PLAIN(5, 1) " \"mixed\")" },
	{ "delimiter-after-header", MIXED "--b\r\nX: y\r\n\r\n--b\r\nX: y\r\n"
		"--b\r\n--b--", 0,
		"(" PLAIN(0, 0) PLAIN(0, 0) PLAIN(0, 0) " \"mixed\")" },
	{ "no-last-delimiter", MIXED "--b\r\n\r\none\r\n", 0,
		"(" PLAIN(5, 1) " \"mixed\")" },
	{ "no-delimiter-at-all", MIXED "text\r\n", 0,
		"(" PLAIN(6, 1) " \"mixed\")" },
	{ "only-last-delimiter", MIXED "text\r\n--b--\r\nmore\r\n", 0,
		"(" PLAIN(4, 0) " \"mixed\")" },
	{ "no-boundary-parameter", "Content-Type: multipart/mixed\r\n\r\n"
		"--b\r\n\r\na\r\n--b--\r\n", 0, PLAIN(17, 4) },
	{ "boundary-with-blanks-after", MIXED "--b \t\r\n\r\na\r\n--b-- \r\n", 0,
		"(" PLAIN(1, 0) " \"mixed\")" },
	{ "boundary-inside-line", MIXED "--b\r\n\r\na --b\r\n --b\r\n--b--", 0,
		"(" PLAIN(11, 1) " \"mixed\")" },
	{ "outer-delimiter-ends-inner", MIXED "--b\r\nContent-Type: "
		"multipart/alternative; boundary=i\r\n\r\n--i\r\n\r\nx\r\n"
		"--b\r\n\r\ny\r\n--b--", 0,
		"((" PLAIN(1, 0) " \"alternative\")" PLAIN(1, 0) " \"mixed\")" },
	{ "outer-delimiter-ends-inner-header", MIXED "--b\r\nContent-Type: "
		"multipart/alternative; boundary=i\r\n--b--", 0,
		"((" PLAIN(0, 0) " \"alternative\") \"mixed\")" },
	{ "longer-boundary-of-two", MIXED "--b\r\nContent-Type: "
		"multipart/mixed; boundary=b-1\r\n\r\n--b-1\r\n\r\nx\r\n--b-1--"
		"\r\n--b\r\n\r\ny\r\n--b--", 0,
		"((" PLAIN(1, 0) " \"mixed\")" PLAIN(1, 0) " \"mixed\")" },
	{ "same-boundary-twice", MIXED "--b\r\n" MIXED "--b\r\n\r\nx\r\n--b--\r\n"
		"--b\r\n\r\ny\r\n--b--", 0,
		"((" PLAIN(1, 0) " \"mixed\")" PLAIN(1, 0) " \"mixed\")" },
	{ "bare-line-feed-delimiters", "Content-Type: multipart/mixed; "
		"boundary=b\n\n--b\n\none\n--b\n\ntwo\n\n--b--\n", 0,
		"(" PLAIN(3, 0) PLAIN(4, 1) " \"mixed\")" },
	{ "digest", "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n"
		"Subject: s\r\n\r\nx\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
		"y\r\n--b--", 0,
		"((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 15 (NIL \"s\" NIL "
		"NIL NIL NIL NIL NIL NIL NIL) " PLAIN(1, 0) " 2)"
		"(\"text\" \"plain\" NIL NIL NIL \"7bit\" 1 0) \"digest\")" },
	{ "digest-of-text-without-header", "Content-Type: multipart/digest; "
		"boundary=b\r\n\r\n--b\r\nno field\r\n--b--", 0,
		"((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 8 " NO_ENVELOPE " "
		PLAIN(8, 0) " 0) \"digest\")" },
	{ "message", "Content-Type: message/rfc822\r\n\r\nFrom: a@b\r\n"
		"To: c@d\r\n\r\nhello\r\n", MIME_EXTENDED,
		"(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 29 (NIL NIL "
		"((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) "
		"((NIL NIL \"a\" \"b\")) ((NIL NIL \"c\" \"d\")) NIL NIL NIL NIL) "
		PLAIN_X(7, 1) " 4 NIL NIL NIL NIL)" },
	{ "message-global", "Content-Type: message/global\r\n\r\n"
		"Subject: \xc3\xa4\r\n\r\nx", 0,
		"(\"message\" \"global\" NIL NIL NIL \"7bit\" 16 (NIL {2}\r\n"
		"\xc3\xa4 NIL NIL NIL NIL NIL NIL NIL NIL) " PLAIN(1, 0) " 2)" },
	{ "message-in-base64", "Content-Type: message/rfc822\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA==\r\n",
		0, "(\"message\" \"rfc822\" NIL NIL NIL \"base64\" 18 "
		NO_ENVELOPE " (\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0) 1)" },
	{ "continued-parameter", "Content-Type: application/x-y; "
		"name*1=lo; name*0=\"hel\"\r\n\r\n", 0,
		"(\"application\" \"x-y\" (\"name\" \"hello\") NIL NIL \"7bit\" 0)"
	},
	{ "extended-parameter-for-rev1", "Content-Type: application/x-y;\r\n"
		" name*0*=iso-8859-1'de'%E4;\r\n name*1*=%20b;"
		"\r\n name*2=\".c\"\r\n\r\n", 0,
		"(\"application\" \"x-y\" (\"name*\" \"utf-8''%C3%A4%20b.c\") NIL "
		"NIL \"7bit\" 0)" },
	{ "extended-parameter-for-rev2", "Content-Type: application/x-y; "
		"name*=GB18030''%D6%D0%CE%C4; name=plain\r\n\r\n", MIME_UTF8,
		"(\"application\" \"x-y\" (\"name*\" \"\xe4\xb8\xad\xe6\x96\x87\" "
		"\"name\" \"plain\") NIL NIL \"7bit\" 0)" },
	{ "broken-parameters", "Content-Type: text/plain;; charset = utf-8 (x;y=z) "
		"; =5; name=two words; format=\"unfinished\r\n\r\n", 0,
		"(\"text\" \"plain\" (\"charset\" \"utf-8\" \"name\" \"two words\" "
		"\"format\" \"unfinished\") NIL NIL \"7bit\" 0 0)" },
	{ "quotes-and-escapes", "Content-Type: x/y; a=\"q\\\"\\\\;\"\r\n\r\n", 0,
		"(\"x\" \"y\" (\"a\" \"q\\\"\\\\;\") NIL NIL \"7bit\" 0)" },
	{ "type-without-subtype", "Content-Type: text\r\n\r\n", 0,
		"(\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0)" },
	{ "type-that-is-none", "Content-Type: ; x=y\r\n\r\n", 0, PLAIN(0, 0) },
	{ "first-type-counts", "Content-Type: image/gif\r\nContent-Type: "
		"text/html\r\n\r\n", 0,
		"(\"image\" \"gif\" NIL NIL NIL \"7bit\" 0)" },
	{ "line-that-is-no-field", "Subject: a\r\nno field\r\n\tfold\r\n"
		"Content-Type: image/gif\r\n\r\nx", 0,
		"(\"image\" \"gif\" NIL NIL NIL \"7bit\" 1)" },
	{ "mailbox-from-line", "From a@b Thu Jan  1 00:00:00 1970\n"
		"Content-Type: image/gif\n\nx", 0,
		"(\"image\" \"gif\" NIL NIL NIL \"7bit\" 1)" },
	{ "zero-bytes", "Content-Type: image/g\0if\r\nContent-ID: a\0b\r\n\r\n"
		"\0\r\n\0", 0,
		"(\"image\" \"gif\" NIL \"ab\" NIL \"7bit\" 4)" },
	{ "bare-carriage-returns", "Content-Type: image/gif\r\n\r\na\rb\r\r\n", 0,
		"(\"image\" \"gif\" NIL NIL NIL \"7bit\" 6)" },
};

/* The cases that hold a NUL are longer than their strings. */
static struct span
message_of(size_t i)
{
	static const char zeros[] = "Content-Type: image/g\0if\r\n"
		"Content-ID: a\0b\r\n\r\n\0\r\n\0";
	if (span_equals(span_from(cases[i].name), SPAN("zero-bytes")))
		return span_of(zeros, sizeof(zeros) - 1);
	return span_from(cases[i].message);
}

static void
check(size_t i, struct mime_part *part, struct arena *arena, const char *how)
{
	struct buffer out;
	buffer_init(&out, 0);
	mime_format_structure(&out, arena, part, cases[i].flags);
	if (!span_equals(buffer_span(&out), span_from(cases[i].structure)))
		fail_msg("%s (%s)\n got  %s\n want %s", cases[i].name, how,
			buffer_string(&out), cases[i].structure);
	buffer_fini(&out);
}

static void
structures_are_as_the_rfc_shows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena;
		arena_init(&arena, 0);
		check(i, mime_parse(&arena, message_of(i)), &arena, "whole");
		arena_fini(&arena);
	}
}

static void
pieces_of_any_size_change_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t piece = 1; piece < 40; piece++) {
			struct arena arena;
			arena_init(&arena, 0);
			struct mime_parser *parser = mime_parser_new(&arena);
			struct span rest = message_of(i);
			for (; rest.size > 0; rest = span_skip(rest, piece))
				mime_parser_feed(parser, span_first(rest,
					piece));
			check(i, mime_parser_end(parser), &arena, "pieces");
			arena_fini(&arena);
		}
}

static void
trees_come_back_from_flat_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena;
		struct buffer flat;
		arena_init(&arena, 0);
		buffer_init(&flat, 0);
		mime_tree_encode(&flat, mime_parse(&arena, message_of(i)));
		struct mime_part *part = mime_tree_decode(&arena,
			buffer_span(&flat));
		assert_non_null(part);
		check(i, part, &arena, "decoded");
		for (size_t cut = 0; cut < flat.size; cut++)
			assert_null(mime_tree_decode(&arena, span_first(
				buffer_span(&flat), cut)));
		buffer_add_byte(&flat, 0);
		assert_null(mime_tree_decode(&arena, buffer_span(&flat)));
		buffer_fini(&flat);
		arena_fini(&arena);
	}
}

static void
parts_are_found_by_number(void **state)
{
	/* RFC 9051 6.4.5.1, the parts of its example */
	static const char message[] =
		"Content-Type: multipart/mixed; boundary=a\r\n\r\n"
		"--a\r\n\r\none\r\n"
		"--a\r\nContent-Type: application/octet-stream\r\n\r\ntwo\r\n"
		"--a\r\nContent-Type: message/rfc822\r\n\r\n"
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
		"--b\r\n\r\nthree-one\r\n--b\r\n\r\nthree-two\r\n--b--\r\n"
		"--a\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
		"--c\r\nContent-Type: image/gif\r\n\r\nfour-one\r\n"
		"--c\r\nContent-Type: message/rfc822\r\n\r\n"
		"Subject: x\r\n\r\nfour-two-one\r\n--c--\r\n--a--\r\n";
	static const struct {
		uint32_t path[4];
		size_t count;
		const char *body;	/* NULL: no such part */
	} paths[] = {
		{ { 1 }, 1, "one" }, { { 2 }, 1, "two" },
		{ { 3, 1 }, 2, "three-one" }, { { 3, 2 }, 2, "three-two" },
		{ { 4, 1 }, 2, "four-one" }, { { 4, 2, 1 }, 3, "four-two-one" },
		{ { 4, 2 }, 2, "Subject: x\r\n\r\nfour-two-one" },
		{ { 0 }, 1, NULL }, { { 5 }, 1, NULL }, { { 1, 1 }, 2, NULL },
		{ { 2, 1 }, 2, NULL }, { { 3, 3 }, 2, NULL },
		{ { 4, 2, 2 }, 3, NULL }, { { 4, 2, 1, 1 }, 4, NULL },
	};
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	const struct mime_part *root = mime_parse(&arena, SPAN(message));
	assert_ptr_equal(mime_find(root, NULL, 0), root);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		const struct mime_part *part = mime_find(root, paths[i].path,
			paths[i].count);
		assert_int_equal(part != NULL, paths[i].body != NULL);
		if (part != NULL)
			assert_true(span_equals(span_of(message +
				part->body_offset, part->body_size),
				span_from(paths[i].body)));
	}
	arena_fini(&arena);
}

static void
part_one_of_a_simple_message_is_its_body(void **state)
{
	static const uint32_t path[] = { 1, 1 };
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	const struct mime_part *root = mime_parse(&arena,
		SPAN("Subject: x\r\n\r\nbody"));
	assert_ptr_equal(mime_find(root, path, 1), root);
	assert_null(mime_find(root, path, 2));
	root = mime_parse(&arena, SPAN("Content-Type: message/rfc822\r\n\r\n"
		"Subject: x\r\n\r\nbody"));
	assert_ptr_equal(mime_find(root, path, 1), root);
	assert_ptr_equal(mime_find(root, path, 2), root->child);
	arena_fini(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(structures_are_as_the_rfc_shows),
		cmocka_unit_test(pieces_of_any_size_change_nothing),
		cmocka_unit_test(trees_come_back_from_flat_bytes),
		cmocka_unit_test(parts_are_found_by_number),
		cmocka_unit_test(part_one_of_a_simple_message_is_its_body),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
