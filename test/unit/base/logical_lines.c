/* Logical lines of texts, and the lines where they begin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/logical_lines.h"

/* What is found: "LINE:TEXT|" each, "!" before one that has none to continue. */
static const struct {
	const char *name, *text, *found;
} cases[] = {
	{ "nothing", "", "" },
	{ "nothing but ends of lines", "\n\n", "" },
	{ "one without an end", "a", "1:a|" },
	{ "two", "a b\nc\n", "1:a b|2:c|" },
	{ "blanks behind, and CR", "a \t\r\nc\r\n", "1:a|2:c|" },
	{ "continued", "a\n b\n\tc\nd\n", "1:a b c|4:d|" },
	{ "comments and empty lines", "\n# x\n  # y\na\n \nb\n", "4:a|6:b|" },
	{ "those within", "a\n#x\n\n  # y\n b\nc", "1:a b|6:c|" },
	{ "# behind something", "a # b\n", "1:a # b|" },
	{ "none to continue", "\n a\nb\n", "!2:a|3:b|" },
	{ "that one continued", " a\n b\n", "!1:a b|" },
	{ "only the first", "a\n b\n", "1:a b|" },
};

static void
lines_are_joined(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct logical_lines lines;
		struct buffer found;
		struct span text;
		buffer_init(&found, 0);
		logical_lines_init(&lines, span_from(cases[i].text));
		while (logical_lines_next(&lines, &text))
			buffer_print(&found, "%s%u:%.*s|",
				lines.is_orphan ? "!" : "", lines.line,
				SPAN_PRINT(text));
		assert_false(logical_lines_next(&lines, &text));
		print_message("%s\n", cases[i].name);
		assert_string_equal(buffer_string(&found), cases[i].found);
		logical_lines_fini(&lines);
		buffer_fini(&found);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_joined),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
