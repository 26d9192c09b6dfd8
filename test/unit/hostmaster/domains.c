/* What auth says of our domains, and what any other answer makes of it. auth
 * is a thread of the test that says what the case tells it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <assert.h>
#include <cmocka.h>

#include "base/clock.h"
#include "hostmaster/domains.h"
#include "world.h"

enum { PATIENCE = 60000 };

static struct row_caller *caller;
static _Atomic(const char *) answer;	/* %u: the id; NULL: the end */

static void
say(int fd, const char *line)
{
	unsigned id = 0;
	const char *text = answer;
	sscanf(line, "DOMAINS\t%u", &id);
	for (const char *c = text; *c != '\0'; c++)
		if (c[0] == '%' && c[1] == 'u')
			dprintf(fd, "%u", id), c++;
		else
			dprintf(fd, "%c", *c);
}

static void *
run_auth(void *argument)
{
	int fd = (int)(intptr_t)argument;
	FILE *in = fdopen(fd, "r");
	char line[1000];
	dprintf(fd, "VERSION\t1\t2\n");
	while (fgets(line, sizeof(line), in) != NULL) {
		if (strncmp(line, "VERSION", 7) == 0)
			continue;
		if (answer == NULL)
			break;
		say(fd, line);
	}
	fclose(in);
	return NULL;
}

static void
accept_auth(struct lot *lot, struct incoming *incoming, unsigned instance)
{
	(void)lot, (void)instance;
	world_play(incoming, run_auth);
}

static void
answers_are_read(void **state)
{
	static const struct {
		const char *name, *answer;
		int result;
		const char *expected;	/* or what the error says */
	} cases[] = {
		{ "none", "OK\t%u\n", 0, "" },
		{ "of both kinds", "ROW\t%u\tdomain=a.test\taccounts=3\t"
			"source=mydestination\nROW\t%u\tdomain=B.test\t"
			"source=domain add\nOK\t%u\n", 0, "a.test! b.test " },
		{ "a row without one", "ROW\t%u\taccounts=1\nOK\t%u\n", 0, "" },
		{ "a failure", "ROW\t%u\tdomain=a.test\nFAIL\t%u\treason=no disk"
			"\n", -1, "no disk" },
		{ "another's answer", "OK\t999999\n", -1,
			"auth-domains answers with something else" },
		{ "nonsense", "HELLO\t%u\n", -1,
			"auth-domains answers with something else" },
		{ "the end", NULL, -1, "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct domains domains;
		struct arena arena;
		struct error error;
		struct buffer text;
		print_message("%s\n", cases[i].name);
		answer = cases[i].answer;
		arena_init(&arena, 0);
		buffer_init(&text, 0);
		assert_int_equal(domains_ask(caller, clock_monotonic() +
			PATIENCE, &arena, &domains, &error), cases[i].result);
		for (size_t k = 0; k < domains.count &&
		    cases[i].result == 0; k++)
			buffer_print(&text, "%.*s%s ",
				SPAN_PRINT(domains.row[k].name),
				domains.row[k].is_configured ? "!" : "");
		if (cases[i].result == 0)
			assert_string_equal(buffer_string(&text),
				cases[i].expected);
		else
			assert_non_null(strstr(error.text, cases[i].expected));
		buffer_fini(&text);
		arena_fini(&arena);
	}
}

int
main(void)
{
	static const struct world_service services[] = {
		{ "auth-domains", accept_auth }, { NULL, NULL },
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_read),
	};
	signal(SIGPIPE, SIG_IGN);	/* as every process does */
	struct lot *lot = world_begin(services);
	caller = row_caller_new(lot, "auth-domains");
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	row_caller_free(&caller);
	world_end(&lot);
	world_join();
	return failed;
}
