/* Reasons that others give are known whole, with what differs in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/doctor_reason.h"

static const char *
translate(const char *english)
{
	static const struct {
		const char *english, *said;
	} words[] = {
		{ "Connection refused", "R" },
		{ "SSL certificate problem: {1}", "P({1})" },
		{ "certificate has expired", "E" },
		{ "Recv failure: {1}", "F{1}{9}{" },
		{ "Failed to connect to {1} port {2} after {3} ms: {4}",
		  "{4} {3}/{2}/{1}" },
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(english, words[i].english) == 0)
			return words[i].said;
	return english;
}

static const struct {
	const char *reason, *said;
} cases[] = {
	{ "", "" },
	{ "Connection refused", "R" },
	{ "Connection refused by them", "Connection refused by them" },
	{ "the Connection refused", "the Connection refused" },
	{ "SSL certificate problem: certificate has expired", "P(E)" },
	{ "SSL certificate problem: something", "P(something)" },
	{ "SSL certificate problem: ", "P()" },
	{ "Failed to connect to a.test port 443 after 3 ms: Connection refused",
	  "R 3/443/a.test" },
	{ "Failed to connect to a.test port 443", "Failed to connect to a.test "
	  "port 443" },
	{ "{1}", "{1}" },
	{ "Recv failure: {1}", "F{1}{9}{" },
	/* as deep as it goes */
	{ "Recv failure: Recv failure: Recv failure: Recv failure: x",
	  "FFFRecv failure: x{9}{{9}{{9}{" },
};

static void
known_sentences_are_translated(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer out;
		buffer_init(&out, 0);
		doctor_reason_add(&out, span_from(cases[i].reason), translate);
		assert_string_equal(buffer_string(&out), cases[i].said);
		buffer_fini(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_sentences_are_translated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
