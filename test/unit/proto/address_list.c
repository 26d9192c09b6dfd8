/* Addresses without a domain get one where they stand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/address_list.h"

static const struct {
	const char *name, *value, *completed;
} cases[] = {
	{ "alone", " root\r\n", " root@here.test\r\n" },
	{ "with a domain", " a@b.test\r\n", " a@b.test\r\n" },
	{ "several", " root, a@b.test,\r\n\tboss\r\n",
		" root@here.test, a@b.test,\r\n\tboss@here.test\r\n" },
	{ "cron's", " root (Cron Daemon)\r\n",
		" root@here.test (Cron Daemon)\r\n" },
	{ "a name", " The Boss <boss>\r\n", " The Boss <boss@here.test>\r\n" },
	{ "a name with a comma", " \"Boss, The\" < boss >\r\n",
		" \"Boss, The\" < boss@here.test >\r\n" },
	{ "a name with an address in it", " \"a@b\" <boss>",
		" \"a@b\" <boss@here.test>" },
	{ "quoted", " \"a b\"", " \"a b\"@here.test" },
	{ "dots", " first.\"la st\"", " first.\"la st\"@here.test" },
	{ "nobody", " <>", " <>" },
	{ "a group", " team: boss, a@b.test;\r\n",
		" team: boss@here.test, a@b.test;\r\n" },
	{ "an empty group", " undisclosed-recipients:;",
		" undisclosed-recipients:;" },
	{ "comments in comments", " (x (y@z) \\) w) boss (, root)",
		" (x (y@z) \\) w) boss@here.test (, root)" },
	{ "a route", " <@x.test:a@b.test>", " <@x.test:a@b.test>" },
	{ "a literal", " a@[192.0.2.1]", " a@[192.0.2.1]" },
	{ "blanks around the sign", " a @ b.test", " a @ b.test" },
	{ "no address", " two words", " two words" },
	{ "no end of <", " x <boss", " x <boss" },
	{ "no end of a quote", " \"boss", " \"boss" },
	{ "no end of a comment", " boss (x", " boss@here.test (x" },
	{ "empty ones", " ,, ,", " ,, ," },
	{ "nothing", "", "" },
};

static void
each_is_completed(void **state)
{
	unsigned failed = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buffer out;
		buffer_init(&out, 0);
		address_list_complete(span_from(cases[i].value),
			SPAN("here.test"), &out);
		if (strcmp(buffer_string(&out), cases[i].completed) != 0) {
			printf("%s: %s\n", cases[i].name, buffer_string(&out));
			failed++;
		}
		buffer_fini(&out);
	}
	assert_int_equal(failed, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_completed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
