/* A process that does not answer costs its callers time once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "queue/health.h"

static void
a_slow_one_that_answers_is_not_stuck(void **state)
{
	struct health health;
	(void)state;
	health_init(&health);
	for (int64_t now = 0; now < 60000; now += HEALTH_SILENCE - 1) {
		assert_true(health_enter(&health, now));
		health_silent(&health, now);
		assert_true(health_wait_until(&health) > now);
		health_answered(&health, now);
	}
	health_fini(&health);
}

static void
silence_turns_new_calls_away(void **state)
{
	struct health health;
	(void)state;
	health_init(&health);
	assert_true(health_enter(&health, 1000));
	assert_true(health_wait_until(&health) == 1000 + HEALTH_SILENCE);
	health_silent(&health, 1000 + HEALTH_SILENCE - 1);
	assert_true(health_enter(&health, 2000));	/* too early to say */
	health_silent(&health, 1000 + HEALTH_SILENCE);
	assert_false(health_enter(&health, 1000 + HEALTH_SILENCE));
	health_leave(&health);
	assert_false(health_enter(&health, 5000));	/* one still waits */
	health_leave(&health);
	health_fini(&health);
}

static void
who_was_stopped_itself_blames_nobody(void **state)
{
	struct health health;
	(void)state;
	health_init(&health);
	assert_true(health_enter(&health, 0));
	/* an hour passes here; the answer has been there all the time */
	assert_true(health_enter(&health, 3600000));
	health_answered(&health, 3600000);
	assert_true(health_enter(&health, 3600000));
	health_fini(&health);
}

static void
one_at_a_time_tries_until_it_answers(void **state)
{
	struct health health;
	(void)state;
	health_init(&health);
	assert_true(health_enter(&health, 0));
	health_silent(&health, HEALTH_SILENCE);
	health_leave(&health);
	assert_true(health_enter(&health, 10000));	/* tries */
	assert_false(health_enter(&health, 10001));
	assert_true(health_wait_until(&health) == 10000 + HEALTH_SILENCE);
	health_answered(&health, 10002);
	assert_true(health_enter(&health, 10003));
	assert_true(health_enter(&health, 10003));
	health_fini(&health);
}

static void
quiet_times_are_not_silence(void **state)
{
	struct health health;
	(void)state;
	health_init(&health);
	assert_true(health_enter(&health, 0));
	health_answered(&health, 1);
	health_leave(&health);
	assert_true(health_enter(&health, 1000000));
	assert_true(health_enter(&health, 1000001));
	health_fini(&health);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slow_one_that_answers_is_not_stuck),
		cmocka_unit_test(silence_turns_new_calls_away),
		cmocka_unit_test(who_was_stopped_itself_blames_nobody),
		cmocka_unit_test(one_at_a_time_tries_until_it_answers),
		cmocka_unit_test(quiet_times_are_not_silence),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
