/* Files of "name = value" lines for directories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/settings_file.h"

static const char *const names[] = { "connect", "query", NULL };

static const struct {
	const char *name;
	struct span text;
	const char *connect, *query;	/* NULL: not given */
	const char *sentence;		/* NULL: it is right */
} cases[] = {
	{ "nothing", SPAN(""), NULL, NULL, NULL },
	{ "two lines", SPAN("connect = a b\nquery=SELECT x = 1\n"), "a b",
		"SELECT x = 1", NULL },
	{ "without LF at the end", SPAN("query = x"), NULL, "x", NULL },
	{ "CRLF", SPAN("query = x\r\nconnect = y\r\n"), "y", "x", NULL },
	{ "an empty value", SPAN("query =\n"), NULL, "", NULL },
	{ "comments", SPAN("# a\n  # b\n\nquery = x\n"), NULL, "x", NULL },
	{ "continued", SPAN("query = SELECT\n\tx\n  FROM y\nconnect = z\n"), "z",
		"SELECT x FROM y", NULL },
	{ "continued over a comment", SPAN("query = a\n # b\n  c\n"), NULL,
		"a c", NULL },
	{ "an unknown name", SPAN("\n\nquerry = x\n"), NULL, NULL,
		"/f:3: found \"querry\", expected one of connect, query" },
	{ "twice", SPAN("query = x\nquery = y\n"), NULL, NULL,
		"/f:2: found \"query\", expected it once" },
	{ "no equals sign", SPAN("query\n"), NULL, NULL,
		"/f:1: found \"query\", expected name = value" },
	{ "the line where it began", SPAN("query = x\nconect\n  = y\n"), NULL,
		NULL, "/f:2: found \"conect\"" },
	{ "a NUL", SPAN("query = a\0b\n"), NULL, NULL, "without NUL" },
};

static bool
is(struct span value, const char *expected)
{
	return expected == NULL ? value.data == NULL :
		value.data != NULL && strcmp(value.data, expected) == 0;
}

static void
lines_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena;
		struct span value[2];
		struct error error;
		arena_init(&arena, 0);
		int result = settings_file_parse(cases[i].text, "/f", names,
			&arena, value, &error);
		if ((result == 0) != (cases[i].sentence == NULL))
			fail_msg("%s: another verdict", cases[i].name);
		if (result == 0 && (!is(value[0], cases[i].connect) ||
			!is(value[1], cases[i].query)))
			fail_msg("%s: other values", cases[i].name);
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
		cmocka_unit_test(lines_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
