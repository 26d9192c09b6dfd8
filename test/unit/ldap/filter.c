/* Filters of RFC 4515 with variables: which are taken, and what becomes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "ldap/filter.h"

static const struct {
	const char *name, *filter;
	const char *sentence;		/* NULL: it is right */
} filters[] = {
	{ "one", "(uid=%u)", NULL },
	{ "nested", "(&(objectClass=*)(|(uid=%n)(mail=%n@%d)))", NULL },
	{ "a per cent sign", "(a=100%%)", NULL },
	{ "escaped by hand", "(a=\\28x\\29)", NULL },
	{ "no parentheses", "uid=%u", "one filter in parentheses" },
	{ "two", "(a=b)(c=d)", "one filter in parentheses" },
	{ "not closed", "(&(a=b)", "one filter in parentheses" },
	{ "closed twice", "(a=b))", "one filter in parentheses" },
	{ "nothing", "", "one filter in parentheses" },
	{ "a variable for an attribute", "(%u=x)", "value of a filter" },
	{ "a variable for an operator", "(%n(a=b))", "value of a filter" },
	{ "another variable", "(a=%x)", "value of a filter" },
	{ "a per cent sign at the end", "(a=%", "value of a filter" },
	{ "a parenthesis in a value", "(a=(b))", "RFC 4515" },
};

static void
forms_are_looked_at(void **state)
{
	struct error error;
	(void)state;
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		int result = filter_check(span_from(filters[i].filter), &error);
		if ((result == 0) != (filters[i].sentence == NULL) ||
			(result != 0 && strstr(error.text,
			filters[i].sentence) == NULL))
			fail_msg("%s: %s", filters[i].name, result == 0 ?
				"taken" : error.text);
	}
}

static void
too_deep_is_refused(void **state)
{
	char text[3 * FILTER_DEPTH + 20] = "";
	struct error error;
	(void)state;
	for (size_t i = 0; i <= FILTER_DEPTH; i++)
		memcpy(text + 2 * i, "(!", 3);
	assert_int_equal(filter_check(span_from(text), &error), -1);
	assert_non_null(strstr(error.text, "RFC 4515"));
}

static const struct {
	struct span value;
	const char *escaped;
} values[] = {
	{ SPAN("alice"), "alice" },
	{ SPAN("a*b"), "a\\2ab" },
	{ SPAN("*)(uid=*"), "\\2a\\29\\28uid=\\2a" },
	{ SPAN("a\\2a"), "a\\5c2a" },
	{ SPAN("a\0b"), "a\\00b" },
	{ SPAN("a b"), "a\\20b" },
	{ SPAN("\xc3\xa9\x7f"), "\\c3\\a9\\7f" },
	{ SPAN("%u"), "%u" },
	{ SPAN(""), "" },
};

static void
values_are_escaped(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct arena arena;
		arena_init(&arena, 0);
		assert_string_equal(filter_escape(values[i].value,
			&arena).data, values[i].escaped);
		struct span filled = filter_fill(SPAN("(&(a=%u)(b=%n%%%d))"),
			values[i].value, SPAN("l"), values[i].value, &arena);
		assert_string_equal(filled.data, arena_print(&arena,
			"(&(a=%s)(b=l%%%s))", values[i].escaped,
			values[i].escaped).data);
		arena_fini(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_are_looked_at),
		cmocka_unit_test(too_deep_is_refused),
		cmocka_unit_test(values_are_escaped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
