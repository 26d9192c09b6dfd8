/* Lines of fields between tabs: what is written is what is read, and bad
 * lines are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proto/tabline.h"

static void
any_bytes_come_back(void **state)
{
	static const struct {
		const char *name;
		struct span field;
	} cases[] = {
		{ "plain", SPAN("alice@example.test") },
		{ "empty", SPAN("") },
		{ "tab", SPAN("a\tb") },
		{ "line ends", SPAN("\r\n") },
		{ "nul", { "a\0b", 3 } },
		{ "only the escape", SPAN("\001") },
		{ "escape before its letters", SPAN("\001t\0010") },
		{ "not ascii", SPAN("\xe4\xbd\xa0\xff") },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer out;
		struct arena arena;
		struct tabline fields;
		struct span value;
		print_message("%s\n", cases[i].name);
		buffer_init(&out, 0);
		arena_init(&arena, 0);
		tabline_add(&out, SPAN("OK"));
		tabline_add(&out, cases[i].field);
		tabline_add_pair(&out, "user", cases[i].field);
		tabline_end(&out);
		struct span line = buffer_span(&out);
		assert_int_equal(span_find(line, '\n'), line.size - 1);
		assert_int_equal(span_find(line, '\r'), line.size);
		assert_int_equal(span_find(line, '\0'), line.size);
		line.size--;
		assert_true(tabline_parse(line, &arena, &fields));
		assert_int_equal(fields.count, 3);
		assert_true(span_equals(fields.field[0], SPAN("OK")));
		assert_true(span_equals(fields.field[1], cases[i].field));
		assert_true(tabline_get(&fields, 1, "user", &value));
		assert_true(span_equals(value, cases[i].field));
		arena_fini(&arena);
		buffer_fini(&out);
	}
}

static void
numbers_are_decimal(void **state)
{
	struct buffer out;
	(void)state;
	buffer_init(&out, 0);
	tabline_add(&out, SPAN("ROW"));
	tabline_add_number(&out, "least", 0);
	tabline_add_number(&out, "most", UINT64_MAX);
	tabline_end(&out);
	assert_string_equal(buffer_string(&out),
		"ROW\tleast=0\tmost=18446744073709551615\n");
	buffer_fini(&out);
}

static void
bad_lines_are_refused(void **state)
{
	static const struct {
		const char *name;
		struct span line;
		bool ok;
		size_t count;
	} cases[] = {
		{ "one empty field", SPAN(""), true, 1 },
		{ "two empty fields", SPAN("\t"), true, 2 },
		{ "escape at the end", SPAN("OK\t\001"), false, 0 },
		{ "unknown escape", SPAN("OK\t\001x"), false, 0 },
		{ "escape before a tab", SPAN("OK\001\tn"), false, 0 },
		{ "no line at all", { NULL, 0 }, true, 0 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena;
		struct tabline fields;
		print_message("%s\n", cases[i].name);
		arena_init(&arena, 0);
		assert_int_equal(tabline_parse(cases[i].line, &arena, &fields),
			cases[i].ok);
		if (cases[i].ok)
			assert_int_equal(fields.count, cases[i].count);
		arena_fini(&arena);
	}
}

static void
too_many_fields_are_refused_but_can_be_walked(void **state)
{
	struct buffer out;
	struct arena arena;
	struct tabline fields;
	struct span field;
	(void)state;
	buffer_init(&out, 0);
	arena_init(&arena, 0);
	for (unsigned i = 0; i < TABLINE_FIELDS; i++)
		tabline_add(&out, SPAN("x"));
	assert_true(tabline_parse(buffer_span(&out), &arena, &fields));
	assert_int_equal(fields.count, TABLINE_FIELDS);
	tabline_add(&out, SPAN("x"));
	assert_false(tabline_parse(buffer_span(&out), &arena, &fields));
	struct span rest = buffer_span(&out);
	size_t count = 0;
	while (tabline_next(&rest, &arena, &field) == TABLINE_FIELD)
		count++;
	assert_int_equal(count, TABLINE_FIELDS + 1);
	arena_fini(&arena);
	buffer_fini(&out);
}

static void
keys_are_whole_words(void **state)
{
	struct arena arena;
	struct tabline fields;
	struct span value;
	(void)state;
	arena_init(&arena, 0);
	assert_true(tabline_parse(SPAN("FAIL\t7\ttemp\tusername=x\tuser=y\tcode="),
		&arena, &fields));
	assert_true(tabline_has(&fields, 2, "temp"));
	assert_false(tabline_has(&fields, 2, "tem"));
	assert_false(tabline_has(&fields, 3, "temp"));
	assert_true(tabline_get(&fields, 2, "user", &value));
	assert_true(span_equals(value, SPAN("y")));
	assert_true(tabline_get(&fields, 2, "code", &value));
	assert_int_equal(value.size, 0);
	assert_false(tabline_get(&fields, 2, "temp", &value));
	assert_false(tabline_get(&fields, 2, "name", &value));
	arena_fini(&arena);
}

static void
several_lines_fit_one_buffer(void **state)
{
	struct buffer out;
	(void)state;
	buffer_init(&out, 0);
	tabline_add(&out, SPAN("VERSION"));
	tabline_add(&out, SPAN("1"));
	tabline_end(&out);
	tabline_add(&out, SPAN("RCPT"));
	tabline_add_pair(&out, "a", SPAN("b"));
	tabline_end(&out);
	assert_true(span_equals(buffer_span(&out), SPAN("VERSION\t1\nRCPT\ta=b\n")));
	buffer_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_bytes_come_back),
		cmocka_unit_test(numbers_are_decimal),
		cmocka_unit_test(bad_lines_are_refused),
		cmocka_unit_test(too_many_fields_are_refused_but_can_be_walked),
		cmocka_unit_test(keys_are_whole_words),
		cmocka_unit_test(several_lines_fit_one_buffer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
