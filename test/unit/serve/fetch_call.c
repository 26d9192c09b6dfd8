/* The caller's side of fetch-https: what is asked, and what any answer makes
 * of it. fetch is a thread of the test that says what the case tells it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <assert.h>
#include <cmocka.h>

#include "base/clock.h"
#include "serve/fetch_call.h"
#include "world.h"

enum { PATIENCE = 60000 };

static struct fetcher *fetcher;

/* What fetch says next, with %u for the id; and what it was asked. */
static struct {
	pthread_mutex_t lock;
	const char *answer;
	char asked[4000];
} play = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool
read_line(FILE *in, char *line, size_t size)
{
	return fgets(line, (int)size, in) != NULL;
}

static unsigned
id_of(const char *line)
{
	unsigned id = 0;
	const char *tab = strchr(line, '\t');
	sscanf(tab == NULL ? "" : tab, "\t%u", &id);
	return id;
}

static void *
run_fetch(void *argument)
{
	int fd = (int)(intptr_t)argument;
	FILE *in = fdopen(fd, "r");
	char line[sizeof(play.asked)];
	dprintf(fd, "VERSION\t1\t2\n");
	while (read_line(in, line, sizeof(line))) {
		if (strncmp(line, "VERSION", 7) == 0)
			continue;
		pthread_mutex_lock(&play.lock);
		snprintf(play.asked, sizeof(play.asked), "%s", line);
		const char *answer = play.answer;
		pthread_mutex_unlock(&play.lock);
		if (answer == NULL)
			break;
		/* every %u of it is the id */
		for (const char *c = answer; *c != '\0'; c++)
			if (c[0] == '%' && c[1] == 'u')
				dprintf(fd, "%u", id_of(line)), c++;
			else
				dprintf(fd, "%c", *c);
	}
	fclose(in);
	return NULL;
}

static void
accept_fetch(struct lot *lot, struct incoming *incoming, unsigned instance)
{
	(void)lot, (void)instance;
	world_play(incoming, run_fetch);
}

static void
set_answer(const char *answer)
{
	pthread_mutex_lock(&play.lock);
	play.answer = answer;
	pthread_mutex_unlock(&play.lock);
}

static void
answers_are_read(void **state)
{
	static const struct {
		const char *name, *answer;
		int result;
		enum fetch_problem problem;
		unsigned status;
		const char *type, *body, *reason;
	} cases[] = {
		{ "an answer", "ROW\t%u\tstatus=200\ttype=text/plain\n"
			"ROW\t%u\tbody=aGVsbG8g\nROW\t%u\tbody=d29ybGQ=\n"
			"OK\t%u\n", 0, FETCH_DONE, 200, "text/plain",
			"hello world", "" },
		{ "without a body", "ROW\t%u\tstatus=404\ttype=\nOK\t%u\n", 0,
			FETCH_DONE, 404, "", "", "" },
		{ "a wrong certificate", "ROW\t%u\tproblem=certificate\n"
			"FAIL\t%u\treason=it has expired\n", 0,
			FETCH_CERTIFICATE, 0, "", "", "it has expired" },
		{ "too late", "ROW\t%u\tproblem=timeout\nFAIL\t%u\treason=x\n",
			0, FETCH_TIMEOUT, 0, "", "", "x" },
		{ "as much as was wanted", "ROW\t%u\tstatus=200\ttype=\n"
			"ROW\t%u\tbody=aGVsbG8gd29ybGQgaGVsbG8=\nOK\t%u\n", 0,
			FETCH_DONE, 200, "", "hello world hello", "" },
		{ "more than was wanted", "ROW\t%u\tstatus=200\ttype=\n"
			"ROW\t%u\tbody=aGVsbG8gd29ybGQgaGVsbG8h\nOK\t%u\n", -1,
			FETCH_DONE, 200, "", "", "" },
		{ "no base64", "ROW\t%u\tstatus=200\ttype=\n"
			"ROW\t%u\tbody=!\nOK\t%u\n", -1, FETCH_DONE, 200, "",
			"", "" },
		{ "another's answer", "OK\t999999\n", -1, FETCH_DONE, 0, "", "",
			"" },
		{ "no status", "OK\t%u\n", -1, FETCH_DONE, 0, "", "", "" },
		{ "a status that is none", "ROW\t%u\tstatus=2000\ttype=\n", -1,
			FETCH_DONE, 0, "", "", "" },
		{ "a problem nobody knows", "ROW\t%u\tproblem=done\n", -1,
			FETCH_DONE, 0, "", "", "" },
		{ "a failure without problem", "FAIL\t%u\treason=x\n", -1,
			FETCH_DONE, 0, "", "", "" },
		{ "nonsense", "\n", -1, FETCH_DONE, 0, "", "", "" },
		{ "the end", NULL, -1, FETCH_DONE, 0, "", "", "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fetch_request request = { .url = SPAN("https://a.test/"),
			.limit = strlen("hello world hello"),
			.deadline = clock_monotonic() + PATIENCE };
		struct fetch_answer answer;
		struct arena arena;
		struct error error;
		print_message("%s\n", cases[i].name);
		set_answer(cases[i].answer);
		arena_init(&arena, 0);
		assert_int_equal(fetch_get(fetcher, &request, &arena, &answer,
			&error), cases[i].result);
		if (cases[i].result == 0) {
			assert_int_equal(answer.problem, cases[i].problem);
			assert_int_equal(answer.status, cases[i].status);
			assert_true(span_equals(answer.type,
				span_from(cases[i].type)));
			assert_true(span_equals(answer.body,
				span_from(cases[i].body)));
			assert_true(span_equals(answer.reason,
				span_from(cases[i].reason)));
		}
		arena_fini(&arena);
	}
}

static void
what_is_wanted_is_asked(void **state)
{
	struct fetch_request request = { .url = SPAN("https://a.test/?a\tb\n"),
		.limit = 1000, .deadline = clock_monotonic() + PATIENCE,
		.type = SPAN("text/plain"), .body = SPAN("hello") };
	struct fetch_answer answer;
	struct arena arena;
	struct error error;
	(void)state;
	arena_init(&arena, 0);
	set_answer("ROW\t%u\tstatus=204\ttype=\nOK\t%u\n");
	assert_int_equal(fetch_post(fetcher, &request, &arena, &answer, &error),
		0);
	assert_true(strncmp(play.asked, "POST\t", 5) == 0);
	/* what a stranger wrote ends neither field nor line */
	assert_non_null(strstr(play.asked,
		"\turl=https://a.test/?a\001tb\001n\tlimit=1000\tdeadline="));
	assert_non_null(strstr(play.asked,
		"\ttype=text/plain\tbody=aGVsbG8=\n"));
	assert_int_equal(fetch_get(fetcher, &request, &arena, &answer, &error),
		0);
	assert_true(strncmp(play.asked, "GET\t", 4) == 0);
	assert_null(strstr(play.asked, "body="));
	arena_fini(&arena);
}

static void
header_fields_are_told(void **state)
{
	static const struct {
		const char *name, *answer;
		int result;
		const char *nonce, *place;
	} cases[] = {
		{ "both", "ROW\t%u\tstatus=201\ttype=\nROW\t%u\theader=Location\t"
			"value=https://x/\nROW\t%u\theader=Replay-Nonce\tvalue=n"
			"\nOK\t%u\n", 0, "n", "https://x/" },
		{ "one", "ROW\t%u\tstatus=201\ttype=\nROW\t%u\theader="
			"Replay-Nonce\tvalue=n\nOK\t%u\n", 0, "n", "" },
		{ "one that nobody asked for", "ROW\t%u\tstatus=201\ttype=\n"
			"ROW\t%u\theader=Date\tvalue=n\nOK\t%u\n", -1, "", "" },
		{ "without a value", "ROW\t%u\tstatus=201\ttype=\n"
			"ROW\t%u\theader=Location\nOK\t%u\n", -1, "", "" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fetch_request request = { .url = SPAN("https://a.test/"),
			.limit = 10, .deadline = clock_monotonic() + PATIENCE,
			.header = { "Replay-Nonce", "Location" } };
		struct fetch_answer answer;
		struct arena arena;
		struct error error;
		print_message("%s\n", cases[i].name);
		arena_init(&arena, 0);
		set_answer(cases[i].answer);
		assert_int_equal(fetch_head(fetcher, &request, &arena, &answer,
			&error), cases[i].result);
		assert_true(strncmp(play.asked, "HEAD\t", 5) == 0);
		assert_non_null(strstr(play.asked,
			"\theaders=Replay-Nonce,Location\n"));
		if (cases[i].result == 0) {
			assert_true(span_equals(answer.header[0],
				span_from(cases[i].nonce)));
			assert_true(span_equals(answer.header[1],
				span_from(cases[i].place)));
		}
		arena_fini(&arena);
	}
}

static void
limits_are_kept_here_too(void **state)
{
	static char much[FETCH_POST_LIMIT + 1];
	static const struct {
		const char *name;
		size_t url, limit, body;
	} cases[] = {
		{ "a long URL", FETCH_URL_LIMIT + 1, 1, 0 },
		{ "a large answer", 1, FETCH_BODY_LIMIT + 1, 0 },
		{ "a large report", 1, 1, FETCH_POST_LIMIT + 1 },
	};
	struct fetch_answer answer;
	struct arena arena;
	struct error error;
	(void)state;
	arena_init(&arena, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fetch_request request = {
			.url = span_of(much, cases[i].url),
			.limit = cases[i].limit, .type = SPAN("a/b"),
			.body = span_of(much, cases[i].body),
			.deadline = clock_monotonic() + PATIENCE };
		print_message("%s\n", cases[i].name);
		assert_int_equal(fetch_post(fetcher, &request, &arena, &answer,
			&error), -1);
		assert_int_equal(error.code, ERROR_USAGE);
	}
	arena_fini(&arena);
}

int
main(void)
{
	static const struct world_service services[] = {
		{ "fetch-https", accept_fetch }, { NULL, NULL },
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_read),
		cmocka_unit_test(what_is_wanted_is_asked),
		cmocka_unit_test(header_fields_are_told),
		cmocka_unit_test(limits_are_kept_here_too),
	};
	signal(SIGPIPE, SIG_IGN);	/* as every process does */
	struct lot *lot = world_begin(services);
	fetcher = fetcher_new(lot);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	fetcher_free(&fetcher);
	world_end(&lot);
	world_join();
	return failed;
}
