/* Commands of |program: their words, and what a shell would have done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "proto/alias_command.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *text, *expected;	/* words in <>; or the error's beginning */
} rows[] = {
	{ "/bin/x", "</bin/x>" },
	{ "  /bin/x \t -a  ", "</bin/x><-a>" },
	{ "/bin/x \"two words\" 'and these' a\\ b", "</bin/x><two words>"
		"<and these><a b>" },
	{ "/bin/x \"\" ''", "</bin/x><><>" },
	{ "/bin/x a\"b c\"'d e'f", "</bin/x><ab cd ef>" },
	{ "/bin/x \"say \\\"hi\\\" \\\\\"", "</bin/x><say \"hi\" \\>" },
	{ "/bin/x '\\ $HOME; `id`'", "</bin/x><\\ $HOME; `id`>" },
	{ "/bin/x \\; \\$A", "</bin/x><;><$A>" },
	{ "/bin/x *.c ~ #a !", "</bin/x><*.c><~><#a><!>" },
	{ "/bin/x; rm -rf /", "found \";\"" },
	{ "/bin/x | /bin/y", "found \"|\"" },
	{ "/bin/x &", "found \"&\"" },
	{ "/bin/x >/tmp/a", "found \">\"" },
	{ "/bin/x </tmp/a", "found \"<\"" },
	{ "/bin/x `id`", "found \"`\"" },
	{ "/bin/x $HOME", "found \"$\"" },
	{ "/bin/x \"$HOME\"", "found \"$\"" },
	{ "/bin/x a\nb", "found \"a control character\"" },
	{ "/bin/x 'a\nb'", "found \"a control character\"" },
	{ "/bin/x a\\\nb", "found \"a control character\"" },
	{ "/bin/x \"a", "found \"\"\" in the program, expected a second" },
	{ "/bin/x 'a", "found \"'\" in the program, expected a second" },
	{ "/bin/x \\", "found \"\\\"" },
	{ "bin/x", "found \"bin/x\" in the program, expected a path" },
	{ "exec /bin/x", "found \"exec\" in the program, expected a path" },
	{ "A=b /bin/x", "found \"A=b\"" },
	{ "\"\" /bin/x", "found \"\" in the program, expected a path" },
	{ " ", "found \"\" in the program, expected a path" },
};

static void
commands_are_words_for_no_shell(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct alias_command command;
		struct arena arena;
		struct buffer out;
		struct error error;
		arena_init(&arena, 0);
		buffer_init(&out, 0);
		int result = alias_command_parse(span_from(rows[i].text),
			&arena, &command, &error);
		for (size_t j = 0; result == 0 && j < command.count; j++)
			buffer_print(&out, "<%s>", command.argv[j]);
		if (result == 0)
			assert_null(command.argv[command.count]);
		if (result != 0)
			buffer_add(&out, span_first(span_from(error.text),
				strlen(rows[i].expected)));
		if (strcmp(buffer_string(&out), rows[i].expected) != 0)
			fail_msg("%s: found %s", rows[i].text, result == 0 ?
				buffer_string(&out) : error.text);
		buffer_fini(&out);
		arena_fini(&arena);
	}
}

static void
words_are_counted(void **state)
{
	(void)state;
	for (int more = 0; more < 2; more++) {
		struct alias_command command;
		struct arena arena;
		struct buffer text;
		struct error error;
		arena_init(&arena, 0);
		buffer_init(&text, 0);
		buffer_add_string(&text, "/bin/x");
		for (int i = 1; i < ALIAS_COMMAND_WORDS + more; i++)
			buffer_add_string(&text, " a");
		assert_int_equal(alias_command_parse(buffer_span(&text),
			&arena, &command, &error), more == 0 ? 0 : -1);
		buffer_fini(&text);
		arena_fini(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_words_for_no_shell),
		cmocka_unit_test(words_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
