/* Queries with variables become queries with parameters, or a sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "pgsql/query.h"

static const struct {
	const char *name, *text;
	const char *query, *parameters;	/* NULL: refused */
	const char *sentence;
} cases[] = {
	{ "quoted", "SELECT p FROM u WHERE a = '%u'",
		"SELECT p FROM u WHERE a = $1", "u", NULL },
	{ "without quotes", "SELECT f(%n)", "SELECT f($1)", "n", NULL },
	{ "each once", "SELECT '%n', '%d', '%n'", "SELECT $1, $2, $1", "nd",
		NULL },
	{ "within a literal", "SELECT 'a-%n@%d'",
		"SELECT ('a-' || $1::text || '@' || $2::text)", "nd", NULL },
	{ "at the beginning and the end", "SELECT '%n.x', 'x.%n'",
		"SELECT ($1::text || '.x'), ('x.' || $1::text)", "n", NULL },
	{ "two quotes are one", "SELECT 'it''s %u'",
		"SELECT ('it''s ' || $1::text)", "u", NULL },
	{ "a per cent sign", "SELECT 1 WHERE a LIKE '%%x' AND 5 %% 2 = 1",
		"SELECT 1 WHERE a LIKE '%x' AND 5 % 2 = 1", "", NULL },
	{ "a per cent sign beside a variable", "SELECT '%%%u%%'",
		"SELECT ('%' || $1::text || '%')", "u", NULL },
	{ "a literal without variables", "SELECT E'\\'' , '%u'",
		NULL, NULL, "another '" },
	{ "names in quotes", "SELECT \"a''b\" FROM \"T\" WHERE x='%u'",
		"SELECT \"a''b\" FROM \"T\" WHERE x=$1", "u", NULL },
	{ "a semicolon at the end", "SELECT '%u';", "SELECT $1", "u", NULL },
	{ "nothing", "  ", NULL, NULL, "expected a query" },
	{ "two statements", "SELECT 1; DROP TABLE x", NULL, NULL,
		"one statement" },
	{ "another variable", "SELECT '%x'", NULL, NULL, "%u, %n or %d" },
	{ "a variable of updates", "SELECT '%h'", NULL, NULL, "%u, %n or %d" },
	{ "a per cent sign at the end", "SELECT %", NULL, NULL, "%u" },
	{ "an escape string", "SELECT E'%u'", NULL, NULL, "plain literals" },
	{ "a Unicode string", "SELECT U&'%u'", NULL, NULL, "plain literals" },
	{ "a backslash before the quote", "SELECT '\\%u'", NULL, NULL,
		"plain literals" },
	{ "a variable for a name", "SELECT \"%u\"", NULL, NULL, "not names" },
	{ "dollar quotes", "SELECT $$%u$$", NULL, NULL, "no $" },
	{ "numbers of its own", "SELECT $1", NULL, NULL, "no $" },
	{ "an open literal", "SELECT '%u", NULL, NULL, "another '" },
	{ "an open name", "SELECT \"a", NULL, NULL, "another \"" },
	{ "a comment", "SELECT '%u' -- '", NULL, NULL, "without comments" },
	{ "another comment", "SELECT /* ' */ '%u'", NULL, NULL,
		"without comments" },
};

static void
variables_become_parameters(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena;
		struct query query;
		struct error error;
		arena_init(&arena, 0);
		int result = query_parse(span_from(cases[i].text), "und",
			&arena, &query, &error);
		if ((result == 0) != (cases[i].query != NULL))
			fail_msg("%s: another verdict", cases[i].name);
		if (result == 0 && (strcmp(query.text, cases[i].query) != 0 ||
			(size_t)query.count != strlen(cases[i].parameters) ||
			memcmp(query.parameter, cases[i].parameters,
			(size_t)query.count) != 0))
			fail_msg("%s: %s", cases[i].name, query.text);
		if (result != 0 && strstr(error.text, cases[i].sentence) ==
			NULL)
			fail_msg("%s: %s", cases[i].name, error.text);
		arena_fini(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(variables_become_parameters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
