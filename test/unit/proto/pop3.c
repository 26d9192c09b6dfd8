/* POP3 lines and messages: tables of named cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "proto/pop3.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *line, *keyword, *argument;
} lines[] = {
	{ "STAT", "STAT", "" },
	{ "LIST 1", "LIST", "1" },
	{ "PASS two words ", "PASS", "two words " },
	{ "PASS  blank first", "PASS", " blank first" },
	{ "", "", "" },
	{ " STAT", "", "STAT" },
};

static void
lines_have_a_keyword_and_the_rest(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct pop3_command command;
		pop3_parse_command(span_from(lines[i].line), &command);
		assert_true(span_equals(command.keyword,
			span_from(lines[i].keyword)));
		assert_true(span_equals(command.argument,
			span_from(lines[i].argument)));
	}
}

static const struct {
	const char *argument;
	bool one, two;
	uint32_t number;
	uint64_t top;
} numbers[] = {
	{ "1", true, false, 1, 0 },
	{ "4294967295", true, false, UINT32_MAX, 0 },
	{ "4294967296", false, false, 0, 0 },
	{ "0", false, false, 0, 0 },
	{ "", false, false, 0, 0 },
	{ "-1", false, false, 0, 0 },
	{ "1 ", false, false, 0, 0 },
	{ "1 0", false, true, 1, 0 },
	{ "2 10", false, true, 2, 10 },
	{ "2  10", false, false, 0, 0 },
	{ "2 10 ", false, false, 0, 0 },
	{ "0 10", false, false, 0, 0 },
	{ "x 10", false, false, 0, 0 },
};

static void
numbers_are_decimal(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		uint32_t number = 0;
		uint64_t top = 0;
		struct span argument = span_from(numbers[i].argument);
		assert_int_equal(pop3_parse_number(argument, &number),
			numbers[i].one);
		if (numbers[i].one)
			assert_true(number == numbers[i].number);
		assert_int_equal(pop3_parse_two_numbers(argument, &number,
			&top), numbers[i].two);
		if (numbers[i].two)
			assert_true(number == numbers[i].number &&
				top == numbers[i].top);
	}
}

#define ALL UINT64_MAX
static const struct {
	const char *name, *message;
	uint64_t top;			/* ALL: RETR */
	const char *out;
} messages[] = {
	{ "plain", "a: b\r\n\r\nhi\r\n", ALL, "a: b\r\n\r\nhi\r\n.\r\n" },
	{ "empty", "", ALL, ".\r\n" },
	{ "dots", ".\r\n..\r\n.x\r\nx.\r\n", ALL,
		"..\r\n...\r\n..x\r\nx.\r\n.\r\n" },
	{ "no last line end", "a\r\nb", ALL, "a\r\nb\r\n.\r\n" },
	{ "ends in a dot", "a\r\n.", ALL, "a\r\n..\r\n.\r\n" },
	{ "ends in CR", "a\r", ALL, "a\r\n.\r\n" },
	{ "LF alone", "a\n.b\n\nc", ALL, "a\r\n..b\r\n\r\nc\r\n.\r\n" },
	{ "CR alone", "a\rb\r\r\n.", ALL, "a\rb\r\r\n..\r\n.\r\n" },
	{ "TOP 0", "a: b\r\nc: d\r\n\r\nhi\r\n", 0,
		"a: b\r\nc: d\r\n\r\n.\r\n" },
	{ "TOP 1", "a: b\r\n\r\none\r\ntwo\r\n", 1,
		"a: b\r\n\r\none\r\n.\r\n" },
	{ "TOP of more than there is", "a: b\r\n\r\none", 9,
		"a: b\r\n\r\none\r\n.\r\n" },
	{ "TOP counts empty lines", "a: b\r\n\r\n\r\n\r\nx\r\n", 2,
		"a: b\r\n\r\n\r\n\r\n.\r\n" },
	{ "TOP of a header only", "a: b\r\n", 0, "a: b\r\n.\r\n" },
	{ "TOP with LF alone", "a: b\n\n.one\ntwo\n", 1,
		"a: b\r\n\r\n..one\r\n.\r\n" },
	{ "TOP: two CR are no empty line", "a: b\r\n\r\r\nc\r\n\r\nx\r\n", 0,
		"a: b\r\n\r\r\nc\r\n\r\n.\r\n" },
	{ "TOP of a line with a dot", "a: b\r\n\r\n.\r\nx\r\n", 1,
		"a: b\r\n\r\n..\r\n.\r\n" },
};

/* Whole, and in pieces of every size. */
static void
messages_are_coded(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(messages); i++) {
		size_t size = strlen(messages[i].message);
		for (size_t piece = 1; piece <= size + 1; piece++) {
			struct pop3_message message = {
				.is_top = messages[i].top != ALL,
				.lines = messages[i].top };
			struct span rest = span_from(messages[i].message);
			struct buffer out;
			buffer_init(&out, 0);
			while (rest.size > 0 && pop3_message_add(&message,
				span_first(rest, piece), &out))
				rest = span_skip(rest, piece);
			pop3_message_end(&message, &out);
			if (!span_equals(buffer_span(&out),
				span_from(messages[i].out)))
				fail_msg("%s, pieces of %zu: %s",
					messages[i].name, piece,
					buffer_string(&out));
			buffer_fini(&out);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_have_a_keyword_and_the_rest),
		cmocka_unit_test(numbers_are_decimal),
		cmocka_unit_test(messages_are_coded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
