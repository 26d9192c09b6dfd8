/*
 * Children that hang, say nonsense or leave others behind. The child is this
 * program again, as that of pam is pam: what it does stands in the question.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "pam/answer.h"
#include "pam/asker.h"
#include "serve/counter.h"

/* A child that should answer has the time that a slow machine takes. */
enum { PATIENCE = 60000, SHORT = 300, THREADS = ASKER_LOOKUPS + 8 };

/* ---- the child ---- */

static void
leave_one_behind(char *said, size_t size)
{
	pid_t child = fork();
	while (child == 0)
		pause();
	snprintf(said, size, "OK\t1\tpid=%d\n", (int)child);
}

static int
answer_as_told(void)
{
	char question[200] = "", said[200] = "OK\t1\n";
	size_t size = 0;
	while (size < sizeof(question) - 1 && strchr(question, '\n') == NULL &&
		read(ANSWER_FD, question + size, 1) == 1)
		size++;
	while (strstr(question, "hang") != NULL)
		pause();
	/* until the test closes its end of our standard input */
	if (strstr(question, "held") != NULL && read(0, said, 1) >= 0)
		return 0;
	if (strstr(question, "behind") != NULL)
		leave_one_behind(said, sizeof(said));
	if (strstr(question, "another") != NULL)
		said[3] = '2';
	if (strstr(question, "silent") != NULL)
		return 0;
	return write(ANSWER_FD, said, strlen(said)) > 0 ? 0 : 1;
}

/* ---- asking ---- */

struct question {
	const char *line;
	struct buffer answer;
	int64_t took;
	bool is_question;
	pthread_t thread;
};

static atomic_uint answered;

static void *
ask(void *argument)
{
	struct question *question = argument;
	int64_t begun = clock_monotonic();
	buffer_init(&question->answer, 0);
	question->is_question = asker_ask(span_from(question->line),
		&question->answer);
	question->took = clock_monotonic() - begun;
	atomic_fetch_add(&answered, 1);
	return NULL;
}

static bool
says(const struct question *question, const char *words)
{
	struct span answer = buffer_span(&question->answer);
	return span_search(answer, span_from(words)) < answer.size;
}

static const struct {
	const char *line, *expected;
	int wait;			/* ms */
	bool is_waited_out;
} rows[] = {
	{ "CHECK\t1\tuser=boss", "OK\t1\n", PATIENCE, false },
	{ "CHECK\t1\tuser=another", "LATER\t1\treason=", PATIENCE, false },
	{ "LOOKUP\t1\tuser=silent", "FAIL\t1\treason=", PATIENCE, false },
	{ "LOOKUP\t1\tuser=hang", "FAIL\t1\treason=", SHORT, true },
	{ "CHECK\t1\tuser=hang", "LATER\t1\treason=", SHORT, true },
};

static void
what_a_child_says_is_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct question question = { .line = rows[i].line };
		print_message("%s\n", rows[i].line);
		asker_set_waits(rows[i].wait, rows[i].wait);
		ask(&question);
		assert_true(question.is_question);
		assert_true(says(&question, rows[i].expected));
		assert_int_equal(question.took >= rows[i].wait,
			rows[i].is_waited_out);
		buffer_fini(&question.answer);
	}
}

static void
so_many_hang_at_once(void **state)
{
	static struct question questions[THREADS];
	struct question check = { .line = "CHECK\t1\tuser=boss" };
	const int64_t until = clock_monotonic() + PATIENCE;
	unsigned refused = 0;
	int held[2];
	(void)state;
	assert_int_equal(pipe2(held, O_CLOEXEC), 0);
	assert_int_equal(dup2(held[0], 0), 0);	/* what children inherit */
	asker_set_waits(2 * PATIENCE, 2 * PATIENCE);
	atomic_store(&answered, 0);
	for (size_t i = 0; i < THREADS; i++) {
		questions[i].line = "LOOKUP\t1\tuser=held";
		assert_int_equal(pthread_create(&questions[i].thread, NULL,
			ask, &questions[i]), 0);
	}
	/* who finds no place is told so while the others are held */
	while (atomic_load(&answered) < THREADS - ASKER_LOOKUPS &&
	    clock_monotonic() < until)
		usleep(1000);
	assert_int_equal(atomic_load(&answered), THREADS - ASKER_LOOKUPS);
	/* the other kind has places of its own */
	ask(&check);
	assert_true(says(&check, "OK\t1\n"));
	buffer_fini(&check.answer);
	close(held[1]);
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(questions[i].thread, NULL);
		refused += says(&questions[i], "too many");
		buffer_fini(&questions[i].answer);
	}
	assert_int_equal(refused, THREADS - ASKER_LOOKUPS);
	/* and the places are free again */
	check.line = "LOOKUP\t1\tuser=boss";
	ask(&check);
	assert_true(says(&check, "OK\t1\n"));
	buffer_fini(&check.answer);
	close(held[0]);
}

static void
nothing_is_left_behind(void **state)
{
	struct question question = { .line = "CHECK\t1\tuser=behind" };
	char path[40], status[200] = "";
	int64_t until = clock_monotonic() + PATIENCE;
	(void)state;
	ask(&question);
	assert_true(says(&question, "OK\t1\tpid="));
	struct span text = span_skip(buffer_span(&question.answer), 9);
	int pid = atoi(text.data);
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	/* gone, or dead and not yet buried */
	bool is_there = true;
	while (is_there && clock_monotonic() < until) {
		FILE *file = fopen(path, "r");
		is_there = file != NULL && fgets(status, sizeof(status),
			file) != NULL && strstr(status, ") Z") == NULL;
		if (file != NULL)
			fclose(file);
		usleep(10000);
	}
	assert_false(is_there);
	buffer_fini(&question.answer);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_child_says_is_judged),
		cmocka_unit_test(so_many_hang_at_once),
		cmocka_unit_test(nothing_is_left_behind),
	};
	if (argc > 1 && strcmp(argv[1], "--answer") == 0)
		return answer_as_told();
	counter_open(-1, -1, true);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
