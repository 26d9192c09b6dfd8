/* Encoded words, unfolding, fields, and the transfer encodings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/mime.h"

static void
words_become_utf8(void **state)
{
	static const struct {
		const char *value, *text;
	} cases[] = {
		{ "", "" },
		{ "plain", "plain" },
		/* RFC 2047 8 */
		{ "(=?ISO-8859-1?Q?a?=)", "(a)" },
		{ "(=?ISO-8859-1?Q?a?= b)", "(a b)" },
		{ "(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)" },
		{ "(=?ISO-8859-1?Q?a?=  \t =?ISO-8859-1?Q?b?=)", "(ab)" },
		{ "(=?ISO-8859-1?Q?a_b?=)", "(a b)" },
		{ "(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)" },
		{ "=?US-ASCII*EN?Q?Keith_Moore?= <m@u>", "Keith Moore <m@u>" },
		{ "=?iso-8859-1?q?=E4=f6?=", "\xc3\xa4\xc3\xb6" },
		{ "=?UTF-8?B?5Lit5paH?=", "\xe4\xb8\xad\xe6\x96\x87" },
		{ "=?gb2312?B?1tDOxA==?=", "\xe4\xb8\xad\xe6\x96\x87" },
		{ "=?gb2312?B?1tDOxA?=", "\xe4\xb8\xad\xe6\x96\x87" },
		{ "=?big5?B?pKSk5Q==?=", "\xe4\xb8\xad\xe6\x96\x87" },
		{ "=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=",
			"\xe6\x97\xa5\xe6\x9c\xac" },
		{ "=?euc-kr?Q?=C7=D1=B1=B9?=", "\xed\x95\x9c\xea\xb5\xad" },
		/* a character cut in two */
		{ "=?UTF-8?B?5Lg=?= =?utf-8?B?rQ==?=", "\xe4\xb8\xad" },
		{ "=?utf-8?q?=E4=B8?= =?utf-8?b?rQ==?=", "\xe4\xb8\xad" },
		{ "a =?utf-8?q?b?= c =?utf-8?q?d?=", "a b c d" },
		{ "\"=?utf-8?q?b?=\"", "\"b\"" },
		{ "a=?utf-8?q?b?=c", "abc" },
		{ "=?utf-8?q?with blanks in it?=", "with blanks in it" },
		{ "=?utf-8?q?a=3F=?=", "a?=" },
		{ "=?utf-8?q?" "?=x", "x" },
		{ "=?unknown-charset?q?=E4?=", "\xc3\xa4" },
		{ "=?utf-8?q?=E4?=", "\xef\xbf\xbd" },
		{ "=?utf-8?x?abc?=", "=?utf-8?x?abc?=" },
		{ "=??q?abc?=", "=??q?abc?=" },
		{ "=?utf-8?q?abc", "=?utf-8?q?abc" },
		{ "=?utf-8?q", "=?utf-8?q" },
		{ "=?=?=?", "=?=?=?" },
		{ "=?utf-8?q?=0D=0ABcc:_x=00?=", "  Bcc: x " },
		{ "\xe4\xb8\xad \xff", "\xe4\xb8\xad \xef\xbf\xbd" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena;
		arena_init(&arena, 0);
		struct span text = mime_decode_words(&arena,
			span_from(cases[i].value));
		if (!span_equals(text, span_from(cases[i].text)))
			fail_msg("%s: %.*s", cases[i].value, SPAN_PRINT(text));
		arena_fini(&arena);
	}
}

static void
fields_are_cut_off_one_by_one(void **state)
{
	static const char header[] = "A: 1\r\nnone\r\n fold of none\r\nB :2\r\n"
		"\t3\r\n \r\n 4\r\n: no name\r\nC:\nD:x\r\n\r\nE: body\r\n";
	static const struct {
		const char *name, *value, *whole;
	} want[] = {
		{ "A", " 1", "A: 1\r\n" },
		{ "B", "2\r\n\t3\r\n \r\n 4", "B :2\r\n\t3\r\n \r\n 4\r\n" },
		{ "C", "", "C:\n" },
		{ "D", "x", "D:x\r\n" },
	};
	struct span rest = SPAN(header);
	struct mime_field field;
	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_true(mime_next_field(&rest, &field));
		assert_true(span_equals(field.name, span_from(want[i].name)));
		assert_true(span_equals(field.value, span_from(want[i].value)));
		assert_true(span_equals(field.whole, span_from(want[i].whole)));
	}
	assert_false(mime_next_field(&rest, &field));
	assert_true(span_starts(rest, SPAN("\r\nE:")));
}

static void
folds_go_and_blanks_stay(void **state)
{
	static const char zero[] = " a\r\n b\r\n\t c\0d \r\n ";
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	assert_true(span_equals(mime_unfold(&arena, SPAN(zero)),
		SPAN("a b\t cd")));
	assert_true(span_equals(mime_unfold(&arena, SPAN("")), SPAN("")));
	arena_fini(&arena);
}

static void
bodies_are_decoded_in_pieces(void **state)
{
	static const struct {
		enum mime_encoding encoding;
		const char *body, *text;
	} cases[] = {
		{ MIME_IDENTITY, "a=\r\nb", "a=\r\nb" },
		{ MIME_UNKNOWN_ENCODING, "a=41", "a=41" },
		{ MIME_BASE64, "Zm9v\r\nYmFy\r\n", "foobar" },
		{ MIME_BASE64, "Zm9vYg==", "foob" },
		{ MIME_BASE64, "Zm9vYg", "foob" },
		{ MIME_BASE64, "Zm9vYmE", "fooba" },
		{ MIME_BASE64, "Zg==Zm8=", "ffo" },
		{ MIME_BASE64, "Z m*9-v", "foo" },
		{ MIME_QUOTED_PRINTABLE, "a=3Db=3dc", "a=b=c" },
		{ MIME_QUOTED_PRINTABLE, "soft=\r\nbreak=\nhere",
			"softbreakhere" },
		{ MIME_QUOTED_PRINTABLE, "soft= \t\r\nbreak", "softbreak" },
		{ MIME_QUOTED_PRINTABLE, "blanks \t \r\nat end  ",
			"blanks\r\nat end" },
		{ MIME_QUOTED_PRINTABLE, "blanks in  it\n", "blanks in  it\n" },
		{ MIME_QUOTED_PRINTABLE, "kept=20\r\n", "kept \r\n" },
		{ MIME_QUOTED_PRINTABLE, "not =ZZ =4 ==41", "not =ZZ =4 =A" },
		{ MIME_QUOTED_PRINTABLE, "ends in =", "ends in " },
		{ MIME_QUOTED_PRINTABLE, "ends in =4", "ends in =4" },
		{ MIME_QUOTED_PRINTABLE, "=E4=BD=A0", "\xe4\xbd\xa0" },
		{ MIME_QUOTED_PRINTABLE, "a\rb\r\rc", "a\rb\r\rc" },
		{ MIME_QUOTED_PRINTABLE, "", "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t piece = 1; piece < 20; piece++) {
			struct mime_decoder decoder = {
				.encoding = cases[i].encoding };
			struct span rest = span_from(cases[i].body);
			struct buffer out;
			buffer_init(&out, 0);
			for (; rest.size > 0; rest = span_skip(rest, piece))
				mime_decode_part(&decoder, &out,
					span_first(rest, piece), false);
			mime_decode_part(&decoder, &out, SPAN(""), true);
			if (!span_equals(buffer_span(&out),
			    span_from(cases[i].text)))
				fail_msg("%s: %s", cases[i].body,
					buffer_string(&out));
			buffer_fini(&out);
		}
}

static void
a_run_of_blanks_longer_than_is_held_stays(void **state)
{
	struct mime_decoder decoder = { .encoding = MIME_QUOTED_PRINTABLE };
	struct buffer in, out;
	(void)state;
	buffer_init(&in, 0);
	buffer_init(&out, 0);
	for (size_t i = 0; i < 500; i++)
		buffer_add_byte(&in, ' ');
	buffer_add_byte(&in, 'x');
	mime_decode_part(&decoder, &out, buffer_span(&in), true);
	assert_true(span_equals(buffer_span(&out), buffer_span(&in)));
	buffer_fini(&in);
	buffer_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_become_utf8),
		cmocka_unit_test(fields_are_cut_off_one_by_one),
		cmocka_unit_test(folds_go_and_blanks_stay),
		cmocka_unit_test(bodies_are_decoded_in_pieces),
		cmocka_unit_test(a_run_of_blanks_longer_than_is_held_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
