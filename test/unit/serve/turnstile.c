/* The line before a callee: who is let in, who waits, who is sent away. Sessions
 * are real ones, parked in a lot; time is a parameter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>
#include <pthread.h>

#include <cmocka.h>

#include "base/clock.h"
#include "serve/counter.h"
#include "serve/turnstile.h"

enum { PATIENCE = 60000 };

/* A session that only counts how often it was nudged. */
struct sleeper {
	struct session session;
	struct turn turn;
	atomic_uint nudges;
	int peer;
};

static atomic_uint started;

static enum session_next
run(struct session *session, enum session_event event)
{
	struct sleeper *sleeper = (struct sleeper *)session;
	if (event == SESSION_NUDGE)
		atomic_fetch_add(&sleeper->nudges, 1);
	if (event == SESSION_START)
		atomic_fetch_add(&started, 1);
	return event == SESSION_STOP ? SESSION_CLOSE : SESSION_PARK;
}

static void
release(struct session **session)
{
	struct sleeper *sleeper = (struct sleeper *)*session;
	close(sleeper->peer);
	close(sleeper->session.fd);
	*session = NULL;
}

static const struct session_type type = { "sleeper", run, release };

static void *
lot_main(void *lot)
{
	lot_run(lot, PATIENCE);
	return NULL;
}

static void
wait_for(atomic_uint *number, unsigned value)
{
	int64_t until = clock_monotonic() + PATIENCE;
	while (atomic_load(number) != value) {
		assert_true(clock_until(until) > 0);
		usleep(1000);
	}
}

static enum turnstile_verdict
enter(struct turnstile *turnstile, struct sleeper *sleeper, int64_t now)
{
	sleeper->turn.has_lined_up = false;
	return turnstile_enter(turnstile, &sleeper->turn, now);
}

static void
places_are_given_in_order(struct sleeper *s)
{
	struct turnstile gate;
	turnstile_init(&gate, 2);
	assert_int_equal(enter(&gate, &s[0], 0), TURNSTILE_ENTERED);
	assert_int_equal(enter(&gate, &s[1], 0), TURNSTILE_ENTERED);
	assert_int_equal(enter(&gate, &s[2], 0), TURNSTILE_WAIT);
	assert_int_equal(enter(&gate, &s[3], 0), TURNSTILE_WAIT);
	assert_true(turn_is_waiting(&s[2].turn));
	turnstile_leave(&gate, 1);
	wait_for(&s[2].nudges, 1);
	assert_int_equal(s[3].nudges, 0);
	assert_true(turn_has_waited(&s[2].turn));
	assert_int_equal(enter(&gate, &s[2], 2), TURNSTILE_ENTERED);
	assert_false(turn_has_waited(&s[2].turn));
	/* A place that is not used goes to the next. */
	turnstile_leave(&gate, 3);
	wait_for(&s[3].nudges, 1);
	assert_int_equal(enter(&gate, &s[1], 3), TURNSTILE_WAIT);
	turnstile_withdraw(&s[3].turn, 3);
	wait_for(&s[1].nudges, 1);
	assert_int_equal(enter(&gate, &s[1], 4), TURNSTILE_ENTERED);
	turnstile_leave(&gate, 5);
	turnstile_leave(&gate, 5);
	turnstile_fini(&gate);
}

static void
who_leaves_the_line_is_not_called(struct sleeper *s)
{
	struct turnstile gate;
	turnstile_init(&gate, 1);
	assert_int_equal(enter(&gate, &s[0], 0), TURNSTILE_ENTERED);
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(enter(&gate, &s[i], 0), TURNSTILE_WAIT);
	turnstile_withdraw(&s[2].turn, 0);
	turnstile_expire(&s[3].turn, 0);
	assert_true(turn_has_waited(&s[3].turn));
	assert_int_equal(enter(&gate, &s[3], 0), TURNSTILE_LATER);
	assert_false(turn_has_waited(&s[3].turn));
	/* Once more, and it may line up again, as the last. */
	assert_int_equal(enter(&gate, &s[3], 0), TURNSTILE_WAIT);
	unsigned before = atomic_load(&s[1].nudges);
	turnstile_leave(&gate, 1);
	wait_for(&s[1].nudges, before + 1);
	turnstile_withdraw(&s[1].turn, 1);
	assert_int_equal(enter(&gate, &s[3], 1), TURNSTILE_ENTERED);
	turnstile_leave(&gate, 1);
	turnstile_fini(&gate);
}

static void
silence_closes_the_line(struct sleeper *s)
{
	struct turnstile gate;
	turnstile_init(&gate, 1);
	assert_int_equal(enter(&gate, &s[0], 1000), TURNSTILE_ENTERED);
	assert_int_equal(enter(&gate, &s[1], 1000 + TURNSTILE_SILENCE),
		TURNSTILE_WAIT);
	assert_int_equal(enter(&gate, &s[2], 1001 + TURNSTILE_SILENCE),
		TURNSTILE_LATER);
	turnstile_withdraw(&s[1].turn, 5000);
	turnstile_leave(&gate, 9000);
	/* Nobody inside: silence then means nothing. */
	assert_int_equal(enter(&gate, &s[2], 99000), TURNSTILE_ENTERED);
	assert_int_equal(enter(&gate, &s[1], 99001), TURNSTILE_WAIT);
	turnstile_withdraw(&s[1].turn, 99002);
	turnstile_leave(&gate, 99003);
	turnstile_fini(&gate);
}

static void
a_turn_elsewhere_gives_the_first_back(struct sleeper *s)
{
	struct turnstile gate, other;
	turnstile_init(&gate, 1);
	turnstile_init(&other, 1);
	assert_int_equal(enter(&gate, &s[0], 0), TURNSTILE_ENTERED);
	assert_int_equal(enter(&gate, &s[1], 0), TURNSTILE_WAIT);
	turnstile_leave(&gate, 0);
	assert_true(turn_has_waited(&s[1].turn));
	assert_int_equal(enter(&other, &s[1], 0), TURNSTILE_ENTERED);
	assert_int_equal(enter(&gate, &s[0], 0), TURNSTILE_ENTERED);
	turnstile_leave(&other, 0);
	turnstile_leave(&gate, 0);
	turnstile_fini(&gate);
	turnstile_fini(&other);
}

static void
lines_are_orderly(void **state)
{
	static struct sleeper sleepers[4];
	pthread_t thread;
	(void)state;
	counter_open(-1, -1, false);
	struct lot *lot = lot_new(2);
	assert_int_equal(pthread_create(&thread, NULL, lot_main, lot), 0);
	for (unsigned i = 0; i < 4; i++) {
		int pair[2];
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		sleepers[i].session = (struct session){ .type = &type,
			.fd = pair[0], .second_fd = -1, .deadline = INT64_MAX };
		sleepers[i].peer = pair[1];
		sleepers[i].turn.session = &sleepers[i].session;
		lot_add(lot, &sleepers[i].session);
	}
	wait_for(&started, 4);
	places_are_given_in_order(sleepers);
	who_leaves_the_line_is_not_called(sleepers);
	silence_closes_the_line(sleepers);
	a_turn_elsewhere_gives_the_first_back(sleepers);
	lot_stop(lot);
	pthread_join(thread, NULL);
	lot_free(&lot);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_orderly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
