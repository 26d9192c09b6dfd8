/*
 * Bodies on their way out: what is seen in them, dots, and what becomes of
 * 8-bit messages; whole and in pieces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "relay/body.h"
#include "relay/downgrade.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define E "\xc3\xa9"
#define MIME "MIME-Version: 1.0\r\n"

static struct body_facts
scan(struct span text, size_t piece)
{
	struct body_scanner scanner;
	body_scanner_init(&scanner);
	for (; text.size > 0; text = span_skip(text, piece))
		body_scanner_feed(&scanner, span_first(text, piece));
	if (scanner.last == '\r')
		scanner.facts.has_bare = true;
	return scanner.facts;
}

static void
what_stands_in_a_message_is_seen(void **state)
{
	/* h: 8-bit header, 8: 8 bit, 0: NUL, b: bare, .: dot, l: ends a line */
	static const struct {
		struct span text;
		const char *facts;
	} cases[] = {
		{ SPAN(""), "l" },
		{ SPAN("a: b\r\n\r\nc\r\n"), "l" },
		{ SPAN("a: b\r\n\r\nc"), "" },
		{ SPAN("a: " E "\r\n\r\nc\r\n"), "h8l" },
		{ SPAN("a: b\r\n\r\n" E "\r\n"), "8l" },
		{ SPAN("a: b\r\n\r\n\0\r\n"), "0l" },
		{ SPAN("a: b\r\n\r\nc\nd\r\n"), "b" },
		{ SPAN("a: b\r\n\r\nc\rd\r\n"), "b" },
		{ SPAN("a: b\r\n\r\nc\r\r\n"), "b" },
		{ SPAN("a: b\r\n\r\nc\r"), "b" },
		{ SPAN("\na\r\n"), "b" },
		{ SPAN("a: b\r\n\r\n.c\r\n"), ".l" },
		{ SPAN(".a: b\r\n"), ".l" },
		{ SPAN("a: b\r\n\r\nc.\r\n"), "l" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t piece = 1; piece <= cases[i].text.size + 1; piece++) {
			char got[10];
			struct body_facts facts = scan(cases[i].text, piece);
			struct buffer out = { .data = got, .room = sizeof(got),
				.limit = sizeof(got) };
			buffer_add_string(&out, facts.has_8bit_header ? "h" : "");
			buffer_add_string(&out, facts.has_8bit ? "8" : "");
			buffer_add_string(&out, facts.has_nul ? "0" : "");
			buffer_add_string(&out, facts.has_bare ? "b" : "");
			buffer_add_string(&out, facts.has_dot ? "." : "");
			buffer_add_string(&out, facts.ends_line &&
				!facts.has_bare ? "l" : "");
			if (!span_equals(buffer_span(&out),
				span_from(cases[i].facts)))
				fail_msg("case %zu, pieces of %zu: %.*s", i,
					piece, SPAN_PRINT(buffer_span(&out)));
		}
}

static void
long_lines_are_seen(void **state)
{
	char line[2000];
	(void)state;
	memset(line, 'x', sizeof(line));
	line[998] = '\r';
	line[999] = '\n';
	assert_false(scan(span_of(line, 1000), 7).has_long_line);
	line[998] = 'x';
	line[999] = '\r';
	line[1000] = '\n';
	assert_true(scan(span_of(line, 1001), 7).has_long_line);
}

static void
data_never_ends_early_and_holds_no_bare_line_end(void **state)
{
	static const struct {
		struct span in, out;
	} cases[] = {
		{ SPAN(""), SPAN(".\r\n") },
		{ SPAN("a\r\n"), SPAN("a\r\n.\r\n") },
		{ SPAN("a"), SPAN("a\r\n.\r\n") },
		{ SPAN(".\r\n"), SPAN("..\r\n.\r\n") },
		{ SPAN("a\r\n.\r\nb"), SPAN("a\r\n..\r\nb\r\n.\r\n") },
		{ SPAN("a\n.\nb"), SPAN("a\r\n..\r\nb\r\n.\r\n") },
		{ SPAN("a\r.\rb"), SPAN("a . b\r\n.\r\n") },
		{ SPAN("\r.\r\n"), SPAN(" .\r\n.\r\n") },
		{ SPAN("a\r\r\n"), SPAN("a \r\n.\r\n") },
		{ SPAN("a\r"), SPAN("a\r\n.\r\n") },
		{ SPAN("\n\r"), SPAN("\r\n\r\n.\r\n") },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t piece = 1; piece <= cases[i].in.size + 1; piece++) {
			struct body_dots dots;
			struct buffer out;
			struct span in = cases[i].in;
			buffer_init(&out, 0);
			body_dots_init(&dots);
			for (; in.size > 0; in = span_skip(in, piece))
				body_dots_feed(&dots, span_first(in, piece),
					&out);
			body_dots_end(&dots, &out);
			if (!span_equals(buffer_span(&out), cases[i].out))
				fail_msg("case %zu, pieces of %zu: %s", i,
					piece, buffer_string(&out));
			buffer_fini(&out);
		}
}

static void
text_is_quoted(void **state)
{
	static const struct {
		struct span in, out;
	} cases[] = {
		{ SPAN(E "=\t\r\n"), SPAN("=C3=A9=3D=09\r\n") },
		{ SPAN("a b \r\n c"), SPAN("a b=20\r\n c") },
		{ SPAN("a\rb\nc"), SPAN("a=0Db=0Ac") },
		{ SPAN("a "), SPAN("a=20") },
		{ SPAN("123456789012345678901234567890123456789012345678901234"
			"5678901234567890123456"),
			SPAN("1234567890123456789012345678901234567890123456789"
			"01234567890123456789012345=\r\n6") },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buffer out;
		buffer_init(&out, 0);
		downgrade_quote(cases[i].in, &out);
		if (!span_equals(buffer_span(&out), cases[i].out))
			fail_msg("%s", buffer_string(&out));
		buffer_fini(&out);
	}
}

/* NULL: impossible. */
static const struct {
	const char *name;
	struct span in;
	const char *out;
} conversions[] = {
	{ "text", SPAN(MIME "Content-Type: text/plain; charset=utf-8\r\n"
		"Content-Transfer-Encoding: 8bit\r\nSubject: x\r\n\r\n" E "\r\n"),
		MIME "Content-Type: text/plain; charset=utf-8\r\nSubject: x\r\n"
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
		"=C3=A9\r\n" },
	{ "no MIME at all", SPAN("Subject: x\r\n\r\n" E "\r\n"),
		"Subject: x\r\n" MIME
		"Content-Type: text/plain; charset=unknown-8bit\r\n"
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
		"=C3=A9\r\n" },
	{ "something else than text", SPAN(MIME
		"Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n"
		"\r\n\0\xff\n\r"),
		MIME "Content-Type: image/png\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\nAP8KDQ==\r\n" },
	{ "one part of two", SPAN(MIME
		"Content-Type: multipart/mixed; boundary=b\r\n"
		"Content-Transfer-Encoding: 8bit\r\n\r\npre" E "\r\n--b\r\n"
		"Content-Type: text/plain\r\n\r\nplain\r\n--b\r\n"
		"Content-Type: text/html\r\nContent-transfer-encoding: 8BIT\r\n"
		"\r\n" E " \r\n--b--\r\n"),
		MIME "Content-Type: multipart/mixed; boundary=b\r\n"
		"Content-Transfer-Encoding: 7bit\r\n\r\npre??\r\n--b\r\n"
		"Content-Type: text/plain\r\n\r\nplain\r\n--b\r\n"
		"Content-Type: text/html\r\n"
		"Content-Transfer-Encoding: quoted-printable\r\n"
		"\r\n=C3=A9=20\r\n--b--\r\n" },
	{ "a message inside", SPAN(MIME "Content-Type: message/rfc822\r\n"
		"Content-Transfer-Encoding: 8bit\r\n\r\nSubject: y\r\n" MIME
		"Content-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n"
		"\r\n" E "\r\n"),
		MIME "Content-Type: message/rfc822\r\n"
		"Content-Transfer-Encoding: 7bit\r\n\r\nSubject: y\r\n" MIME
		"Content-Type: text/plain\r\n"
		"Content-Transfer-Encoding: quoted-printable\r\n"
		"\r\n=C3=A9\r\n" },
	{ "a header with 8 bits", SPAN("Subject: " E "\r\n\r\n" E "\r\n"), NULL },
	{ "base64 with 8 bits", SPAN(MIME "Content-Transfer-Encoding: base64\r\n"
		"\r\n" E "\r\n"), NULL },
	{ "a type that may not be encoded", SPAN(MIME
		"Content-Type: message/partial; id=x; number=1\r\n\r\n" E "\r\n"),
		NULL },
};

static void
eight_bit_messages_become_seven_bit_ones(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(conversions); i++) {
		struct mail_body in, out;
		struct error error;
		mail_body_init(&in, -1);
		mail_body_init(&out, -1);
		assert_int_equal(mail_body_add(&in, conversions[i].in, &error),
			0);
		enum downgrade_verdict verdict = downgrade(&in, &out, &error);
		if (verdict != (conversions[i].out != NULL ? DOWNGRADE_DONE :
			DOWNGRADE_IMPOSSIBLE) || (conversions[i].out != NULL &&
			!span_equals(buffer_span(&out.memory),
			span_from(conversions[i].out))))
			fail_msg("%s: %d \"%s\"", conversions[i].name, verdict,
				buffer_string(&out.memory));
		mail_body_fini(&in);
		mail_body_fini(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_stands_in_a_message_is_seen),
		cmocka_unit_test(long_lines_are_seen),
		cmocka_unit_test(
			data_never_ends_early_and_holds_no_bare_line_end),
		cmocka_unit_test(text_is_quoted),
		cmocka_unit_test(eight_bit_messages_become_seven_bit_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
