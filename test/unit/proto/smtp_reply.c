/*
 * The table of replies obeys the RFCs and stands in doc/replies.md; replies of
 * others are read. With "--print" it writes doc/replies.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>

#include "base/file.h"
#include "proto/smtp_reply.h"

static const char *document;

static void
rows_obey_the_rfcs(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SMTP_REPLY_COUNT; i++) {
		const struct smtp_reply_row *row = smtp_reply_get(i);
		struct buffer out;
		char class = (char)('0' + row->code / 100);
		if (row->enhanced != NULL && row->enhanced[0] != class)
			fail_msg("%s: class of the enhanced code", row->name);
		if (row->enhanced == NULL && row->code >= 400)
			fail_msg("%s: no enhanced code", row->name);
		buffer_init(&out, 0);
		smtp_reply_add(&out, i, SPAN("user@host.example"));
		/* RFC 5321 4.5.3.1.5 */
		assert_true(out.size <= 512);
		for (size_t at = 0; at + 2 < out.size; at++)
			assert_true(out.data[at] >= ' ' && out.data[at] < 0x7f);
		struct smtp_answer answer;
		size_t consumed;
		assert_int_equal(smtp_answer_parse(buffer_span(&out), &answer,
			&consumed), SMTP_ANSWER_OK);
		assert_int_equal(answer.code, row->code);
		assert_int_equal(consumed, out.size);
		assert_int_equal(answer.enhanced[0],
			row->enhanced == NULL ? 0 : row->code / 100);
		buffer_fini(&out);
	}
}

static void
details_are_cleaned(void **state)
{
	char big[2000];
	struct buffer out;
	(void)state;
	memset(big, 'x', sizeof(big));
	buffer_init(&out, 0);
	smtp_reply_add(&out, SMTP_REPLY_NO_USER, SPAN("a\r\n250 b\x7f\xff@c"));
	assert_string_equal(buffer_string(&out),
		"550 5.1.1 <a??250 b??@c>: no such user here\r\n");
	buffer_clear(&out);
	smtp_reply_add(&out, SMTP_REPLY_NO_USER, span_of(big, sizeof(big)));
	assert_true(out.size < 512);
	buffer_fini(&out);
}

static void
answers_are_read(void **state)
{
	static const struct {
		const char *in;
		enum smtp_answer_verdict verdict;
		unsigned code, enhanced[3];
		const char *text;
		size_t consumed;
	} cases[] = {
		{ "250 OK\r\n", SMTP_ANSWER_OK, 250, { 0, 0, 0 }, "OK", 8 },
		{ "250\r\n", SMTP_ANSWER_OK, 250, { 0, 0, 0 }, "", 5 },
		{ "250 \n220 x\r\n", SMTP_ANSWER_OK, 250, { 0, 0, 0 }, "", 5 },
		{ "452 4.2.2 full up\r\n", SMTP_ANSWER_OK, 452, { 4, 2, 2 }, "full up", 19 },
		{ "250 2.0.0\r\n", SMTP_ANSWER_OK, 250, { 2, 0, 0 }, "", 11 },
		{ "250 4.2.2 x\r\n", SMTP_ANSWER_OK, 250, { 0, 0, 0 }, "4.2.2 x", 13 },
		{ "250 2.2 x\r\n", SMTP_ANSWER_OK, 250, { 0, 0, 0 }, "2.2 x", 11 },
		{ "250 2.2.2.2 x\r\n", SMTP_ANSWER_OK, 250, { 0, 0, 0 }, "2.2.2.2 x", 15 },
		{ "250-a\r\n250-b\r\n250 c\r\n", SMTP_ANSWER_OK, 250, { 0, 0, 0 }, "c", 21 },
		{ "250-a\r\n250-b\r\n", SMTP_ANSWER_MORE, 0, { 0, 0, 0 }, "", 0 },
		{ "250 a", SMTP_ANSWER_MORE, 0, { 0, 0, 0 }, "", 0 },
		{ "", SMTP_ANSWER_MORE, 0, { 0, 0, 0 }, "", 0 },
		{ "250-a\r\n251 b\r\n", SMTP_ANSWER_BAD, 0, { 0, 0, 0 }, "", 0 },
		{ "25\r\n", SMTP_ANSWER_BAD, 0, { 0, 0, 0 }, "", 0 },
		{ "199 x\r\n", SMTP_ANSWER_BAD, 0, { 0, 0, 0 }, "", 0 },
		{ "600 x\r\n", SMTP_ANSWER_BAD, 0, { 0, 0, 0 }, "", 0 },
		{ "250x\r\n", SMTP_ANSWER_BAD, 0, { 0, 0, 0 }, "", 0 },
		{ "hello\r\n", SMTP_ANSWER_BAD, 0, { 0, 0, 0 }, "", 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct smtp_answer answer;
		size_t consumed;
		enum smtp_answer_verdict verdict = smtp_answer_parse(
			span_from(cases[i].in), &answer, &consumed);
		if (verdict != cases[i].verdict)
			fail_msg("%s: %d", cases[i].in, verdict);
		assert_int_equal(consumed, cases[i].consumed);
		if (verdict != SMTP_ANSWER_OK)
			continue;
		assert_int_equal(answer.code, cases[i].code);
		for (size_t k = 0; k < 3; k++)
			assert_int_equal(answer.enhanced[k],
				cases[i].enhanced[k]);
		assert_true(span_equals(answer.text, span_from(cases[i].text)));
	}
}

static void
answers_have_a_limit(void **state)
{
	struct buffer in;
	struct smtp_answer answer;
	size_t consumed;
	(void)state;
	buffer_init(&in, 0);
	while (in.size <= SMTP_ANSWER_LIMIT)
		buffer_add_string(&in, "250-more\r\n");
	assert_int_equal(smtp_answer_parse(buffer_span(&in), &answer,
		&consumed), SMTP_ANSWER_BAD);
	buffer_clear(&in);
	while (in.size <= SMTP_ANSWER_LIMIT)
		buffer_add_string(&in, "250 more");
	assert_int_equal(smtp_answer_parse(buffer_span(&in), &answer,
		&consumed), SMTP_ANSWER_BAD);
	buffer_fini(&in);
}

static void
lines_of_an_answer_are_walked(void **state)
{
	struct smtp_answer answer;
	size_t consumed;
	struct span text;
	(void)state;
	assert_int_equal(smtp_answer_parse(
		SPAN("250-host\r\n250-SIZE 10\r\n250 DSN\r\n"), &answer,
		&consumed), SMTP_ANSWER_OK);
	assert_true(smtp_answer_line(&answer.lines, &text));
	assert_true(span_equals(text, SPAN("host")));
	assert_true(smtp_answer_line(&answer.lines, &text));
	assert_true(span_equals(text, SPAN("SIZE 10")));
	assert_true(smtp_answer_line(&answer.lines, &text));
	assert_true(span_equals(text, SPAN("DSN")));
	assert_false(smtp_answer_line(&answer.lines, &text));
}

static void
add_document(struct buffer *out)
{
	buffer_add_string(out, "# Replies of SMTP and LMTP\n\n"
		"Every reply that a server of ours gives, made from the table in\n"
		"`src/proto/smtp_reply.h` (`ninja -C build replies` writes it\n"
		"again). `%` stands for an address, a name or a number.\n\n"
		"| code | enhanced | text |\n|---|---|---|\n");
	for (unsigned i = 0; i < SMTP_REPLY_COUNT; i++) {
		const struct smtp_reply_row *row = smtp_reply_get(i);
		buffer_print(out, "| %u | %s | ", row->code,
			row->enhanced == NULL ? "" : row->enhanced);
		for (const char *c = row->text; *c != '\0'; c++)
			buffer_print(out, *c == '<' ? "\\<" : "%c", *c);
		buffer_add_string(out, " |\n");
	}
}

static void
the_document_is_up_to_date(void **state)
{
	struct buffer want, got;
	struct error error;
	(void)state;
	if (document == NULL)
		skip();
	buffer_init(&want, 0);
	buffer_init(&got, 0);
	add_document(&want);
	assert_int_equal(file_read_whole(AT_FDCWD, document, 1 << 20, &got,
		&error), 0);
	if (!span_equals(buffer_span(&want), buffer_span(&got)))
		fail_msg("doc/replies.md: make it again by `ninja replies`");
	buffer_fini(&want);
	buffer_fini(&got);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_obey_the_rfcs),
		cmocka_unit_test(details_are_cleaned),
		cmocka_unit_test(answers_are_read),
		cmocka_unit_test(answers_have_a_limit),
		cmocka_unit_test(lines_of_an_answer_are_walked),
		cmocka_unit_test(the_document_is_up_to_date),
	};
	if (argc > 1 && strcmp(argv[1], "--print") == 0) {
		struct buffer out;
		buffer_init(&out, 0);
		add_document(&out);
		fputs(buffer_string(&out), stdout);
		buffer_fini(&out);
		return 0;
	}
	document = argc > 1 ? argv[1] : NULL;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
