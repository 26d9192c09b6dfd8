/* Converters and folding tables that many threads use at once. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "proto/charset.h"

enum { THREADS = 8, ROUNDS = 200 };

struct worker {
	pthread_t thread;
	unsigned number, wrong;
};

static const struct {
	const char *label, *text, *utf8;
} texts[] = {
	{ "gb18030", "\xd6\xd0\xce\xc4", "\xe4\xb8\xad\xe6\x96\x87" },
	{ "big5", "\xa4\xa4\xa4\xe5", "\xe4\xb8\xad\xe6\x96\x87" },
	{ "iso-2022-kr", "\x1b$)C\x0eGQ\x0f", "\xed\x95\x9c" },
	{ "koi8-r", "\xf0\xd2", "\xd0\x9f\xd1\x80" },
};

static bool
converts(size_t i)
{
	struct buffer out;
	buffer_init(&out, 0);
	charset_to_utf8(&out, span_from(texts[i].label),
		span_from(texts[i].text));
	bool ok = span_equals(buffer_span(&out), span_from(texts[i].utf8));
	buffer_fini(&out);
	return ok;
}

/* All pages of the tables, by all threads at the same time. */
static bool
folds(unsigned round)
{
	struct buffer text, out;
	buffer_init(&text, 0);
	buffer_init(&out, 0);
	utf8_encode(&text, 0x4e00 + 256 * (round % 80));
	utf8_encode(&text, 0x391);
	charset_fold(&out, buffer_span(&text));
	bool ok = out.size == text.size &&
		span_ends_nocase(buffer_span(&out), SPAN("\xce\xb1"));
	buffer_fini(&text);
	buffer_fini(&out);
	return ok;
}

static void *
work(void *argument)
{
	struct worker *worker = argument;
	for (unsigned round = 0; round < ROUNDS; round++) {
		size_t i = (worker->number + round) %
			(sizeof(texts) / sizeof(texts[0]));
		worker->wrong += !converts(i);
		worker->wrong += !folds(round);
	}
	return NULL;
}

static void
threads_do_not_mix_their_texts(void **state)
{
	struct worker workers[THREADS] = { 0 };
	(void)state;
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i].number = i;
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work,
			&workers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
		assert_int_equal(workers[i].wrong, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_do_not_mix_their_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
