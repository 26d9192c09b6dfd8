/*
 * The parking lot: who is nudged runs, nobody runs twice at once, accounts do
 * not take all workers, everybody is told of the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <assert.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "serve/session.h"

enum { PATIENCE = 60000 };

/* A session of the tests; what it does is its `act`. */
struct actor {
	struct session session;
	enum session_next (*act)(struct actor *actor, enum session_event event);
	int other;			/* the far end of its connection */
	atomic_uint running;		/* workers inside: at most one */
	atomic_uint wanted, seen;	/* by nudges */
	atomic_uint bytes;
	atomic_uint events[SESSION_STOP + 1];
};

static atomic_uint freed;

static enum session_next
run(struct session *session, enum session_event event)
{
	struct actor *actor = (struct actor *)session;
	assert(atomic_fetch_add(&actor->running, 1) == 0);
	atomic_fetch_add(&actor->events[event], 1);
	enum session_next next = actor->act(actor, event);
	atomic_fetch_sub(&actor->running, 1);
	return next;
}

/* The test frees the actor itself when it has looked at it. */
static void
end(struct session **session)
{
	int fd = (*session)->fd;
	if ((*session)->second_fd >= 0)
		close((*session)->second_fd);
	*session = NULL;
	atomic_fetch_add(&freed, 1);
	close(fd);	/* last: the far end may free everything now */
}

static const struct session_type type = { "test", run, end };

static void
actor_init(struct actor *actor, enum session_next (*act)(struct actor *actor,
	enum session_event event))
{
	int pair[2];
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	*actor = (struct actor){ .act = act, .other = pair[1] };
	actor->session.type = &type;
	actor->session.fd = pair[0];
	actor->session.second_fd = -1;
	actor->session.deadline = INT64_MAX;
}

/* ---- running a lot beside the test ---- */

static void *
lot_thread(void *lot)
{
	lot_run(lot, PATIENCE);
	return NULL;
}

static struct lot *
lot_begin(unsigned workers, pthread_t *thread)
{
	struct lot *lot = lot_new(workers);
	atomic_store(&freed, 0);
	assert(pthread_create(thread, NULL, lot_thread, lot) == 0);
	return lot;
}

static void
lot_end(struct lot **lot, pthread_t thread)
{
	lot_stop(*lot);
	assert(pthread_join(thread, NULL) == 0);
	lot_free(lot);
}

/* Waits for a condition, not for a time. */
#define WAIT_UNTIL(condition) do { \
	int64_t until_ = clock_monotonic() + PATIENCE; \
	while (!(condition)) { \
		if (clock_monotonic() > until_) \
			fail_msg("not within the deadline: %s", #condition); \
		poll(NULL, 0, 1); \
	} \
} while (0)

static unsigned
read_all(struct actor *actor)
{
	char bytes[256];
	unsigned sum = 0;
	ssize_t n;
	while ((n = read(actor->session.fd, bytes, sizeof(bytes))) > 0)
		sum += (unsigned)n;
	atomic_fetch_add(&actor->bytes, sum);
	return n == 0 ? UINT32_MAX : sum;
}

static enum session_next
reads_and_parks(struct actor *actor, enum session_event event)
{
	if (event == SESSION_STOP)
		return SESSION_CLOSE;
	atomic_store(&actor->seen, atomic_load(&actor->wanted));
	return read_all(actor) == UINT32_MAX ? SESSION_CLOSE : SESSION_PARK;
}

/* ---- nudges and bytes ---- */

enum { ACTORS = 50, ROUNDS = 4000, NUDGERS = 3 };

struct nudger {
	pthread_t thread;
	struct actor *actors;
	atomic_uint *sent;		/* bytes per actor */
};

static void *
nudge_and_write(void *context)
{
	struct nudger *nudger = context;
	unsigned seed = (unsigned)random_u64();
	for (int i = 0; i < ROUNDS; i++) {
		unsigned which = (unsigned)rand_r(&seed) % ACTORS;
		struct actor *actor = &nudger->actors[which];
		if (i % 3 == 0 && write(actor->other, "x", 1) == 1)
			atomic_fetch_add(&nudger->sent[which], 1);
		atomic_fetch_add(&actor->wanted, 1);
		session_nudge(&actor->session);
	}
	return NULL;
}

static void
no_nudge_and_no_byte_is_lost(void **state)
{
	static struct actor actors[ACTORS];
	static atomic_uint sent[ACTORS];
	struct nudger nudgers[NUDGERS];
	pthread_t thread;
	struct lot *lot = lot_begin(6, &thread);
	(void)state;
	for (int i = 0; i < ACTORS; i++) {
		actor_init(&actors[i], reads_and_parks);
		lot_add(lot, &actors[i].session);
	}
	for (int i = 0; i < NUDGERS; i++) {
		nudgers[i].actors = actors;
		nudgers[i].sent = sent;
		assert(pthread_create(&nudgers[i].thread, NULL, nudge_and_write,
			&nudgers[i]) == 0);
	}
	for (int i = 0; i < NUDGERS; i++)
		assert(pthread_join(nudgers[i].thread, NULL) == 0);
	for (int i = 0; i < ACTORS; i++) {
		WAIT_UNTIL(atomic_load(&actors[i].seen) ==
			atomic_load(&actors[i].wanted));
		WAIT_UNTIL(atomic_load(&actors[i].bytes) ==
			atomic_load(&sent[i]));
	}
	assert_int_equal(lot_session_count(lot), ACTORS);
	lot_end(&lot, thread);
	assert_int_equal(atomic_load(&freed), ACTORS);
	for (int i = 0; i < ACTORS; i++) {
		assert_int_equal(actors[i].events[SESSION_START], 1);
		assert_int_equal(actors[i].events[SESSION_STOP], 1);
		close(actors[i].other);
	}
}

/* ---- short lives: late events must not reach a successor ---- */

enum { LIVES = 3000 };

static enum session_next
answers_once(struct actor *actor, enum session_event event)
{
	if (event == SESSION_START)
		return SESSION_PARK;
	unsigned n = read_all(actor);
	if (n == 0 && event != SESSION_STOP)
		return SESSION_PARK;
	if (n != UINT32_MAX && write(actor->session.fd, "y", 1) != 1)
		assert(errno == EPIPE || errno == EAGAIN);
	return SESSION_CLOSE;
}

static void *
live_and_die(void *context)
{
	struct lot *lot = context;
	struct actor *actors = memory_new_array(LIVES, sizeof(*actors));
	for (int i = 0; i < LIVES; i++) {
		struct actor *actor = &actors[i];
		char answer;
		actor_init(actor, answers_once);
		int other = actor->other;
		lot_add(lot, &actor->session);
		assert(write(other, "x", 1) == 1);
		struct pollfd wait = { .fd = other, .events = POLLIN };
		assert(poll(&wait, 1, PATIENCE) == 1);
		assert(read(other, &answer, 1) == 1 && answer == 'y');
		/* its end comes before ours is closed */
		assert(poll(&wait, 1, PATIENCE) == 1);
		assert(read(other, &answer, 1) == 0);
		close(other);
	}
	return actors;
}

static void
short_lives_do_not_meet(void **state)
{
	pthread_t thread, clients[4];
	void *actors[4];
	struct lot *lot = lot_begin(4, &thread);
	(void)state;
	for (int i = 0; i < 4; i++)
		assert(pthread_create(&clients[i], NULL, live_and_die, lot) == 0);
	for (int i = 0; i < 4; i++)
		assert(pthread_join(clients[i], &actors[i]) == 0);
	WAIT_UNTIL(lot_session_count(lot) == 0);
	assert_int_equal(atomic_load(&freed), 4 * LIVES);
	lot_end(&lot, thread);
	for (int i = 0; i < 4; i++)
		memory_free(actors[i]);
}

/* ---- groups ---- */

static atomic_uint in_group, most_in_group, done_in_group;
static atomic_bool is_gate_open;

static enum session_next
works_in_group(struct actor *actor, enum session_event event)
{
	(void)actor;
	if (event != SESSION_START)
		return event == SESSION_STOP ? SESSION_CLOSE : SESSION_PARK;
	unsigned now = atomic_fetch_add(&in_group, 1) + 1;
	unsigned most = atomic_load(&most_in_group);
	while (now > most &&
	    !atomic_compare_exchange_weak(&most_in_group, &most, now))
		;
	while (!atomic_load(&is_gate_open))
		poll(NULL, 0, 1);
	atomic_fetch_sub(&in_group, 1);
	atomic_fetch_add(&done_in_group, 1);
	return SESSION_PARK;
}

static void
two_of_a_group_run_at_once(void **state)
{
	static struct actor actors[20], other;
	pthread_t thread;
	struct lot *lot = lot_begin(8, &thread);
	(void)state;
	for (int i = 0; i < 20; i++) {
		actor_init(&actors[i], works_in_group);
		actors[i].session.group = 42;
		lot_add(lot, &actors[i].session);
	}
	WAIT_UNTIL(atomic_load(&in_group) == 2);
	/* another account is served while 18 wait */
	actor_init(&other, reads_and_parks);
	other.session.group = 43;
	lot_add(lot, &other.session);
	WAIT_UNTIL(atomic_load(&other.events[SESSION_START]) == 1);
	assert_int_equal(atomic_load(&in_group), 2);
	WAIT_UNTIL(lot_idle_workers(lot) >= 5);
	atomic_store(&is_gate_open, true);
	WAIT_UNTIL(atomic_load(&done_in_group) == 20);
	assert_int_equal(atomic_load(&most_in_group), 2);
	lot_end(&lot, thread);
	assert_int_equal(atomic_load(&freed), 21);
	for (int i = 0; i < 20; i++)
		close(actors[i].other);
	close(other.other);
}

/* ---- deadlines, writing, two descriptors ---- */

static enum session_next
closes_at_deadline(struct actor *actor, enum session_event event)
{
	if (event == SESSION_START)
		actor->session.deadline = clock_monotonic() + 50;
	if (event == SESSION_DEADLINE)
		assert(clock_monotonic() >= actor->session.deadline);
	return event == SESSION_DEADLINE ? SESSION_CLOSE : SESSION_PARK;
}

static void
a_deadline_ends_the_wait(void **state)
{
	struct actor actor;
	pthread_t thread;
	struct lot *lot = lot_begin(2, &thread);
	(void)state;
	actor_init(&actor, closes_at_deadline);
	lot_add(lot, &actor.session);
	WAIT_UNTIL(lot_session_count(lot) == 0);
	assert_int_equal(actor.events[SESSION_DEADLINE], 1);
	close(actor.other);
	lot_end(&lot, thread);
}

static enum session_next
writes_until_full(struct actor *actor, enum session_event event)
{
	static const char bytes[4096];
	if (event == SESSION_WRITABLE)
		return SESSION_CLOSE;
	while (write(actor->session.fd, bytes, sizeof(bytes)) > 0)
		;
	assert(errno == EAGAIN);
	return SESSION_PARK_WRITE;
}

static void
parked_for_writing_until_the_peer_reads(void **state)
{
	struct actor actor;
	char bytes[65536];
	pthread_t thread;
	struct lot *lot = lot_begin(2, &thread);
	(void)state;
	actor_init(&actor, writes_until_full);
	lot_add(lot, &actor.session);
	WAIT_UNTIL(atomic_load(&actor.events[SESSION_START]) == 1);
	WAIT_UNTIL(lot_idle_workers(lot) == 2);
	assert_int_equal(actor.events[SESSION_WRITABLE], 0);
	while (read(actor.other, bytes, sizeof(bytes)) > 0)
		;
	WAIT_UNTIL(lot_session_count(lot) == 0);
	assert_int_equal(actor.events[SESSION_WRITABLE], 1);
	close(actor.other);
	lot_end(&lot, thread);
}

static enum session_next
watches_two(struct actor *actor, enum session_event event)
{
	char byte;
	if (event == SESSION_START) {
		actor->session.interest = 0;
		actor->session.second_interest = EPOLLIN;
		return SESSION_PARK_AS_SET;
	}
	if (event == SESSION_STOP)
		return SESSION_CLOSE;
	if (read(actor->session.second_fd, &byte, 1) != 1)
		return SESSION_PARK_AS_SET;
	assert(actor->session.second_events != 0);
	atomic_store(&actor->seen, 1);
	actor->session.interest = EPOLLIN;
	return SESSION_PARK_AS_SET;
}

static void
each_of_two_descriptors_has_its_interest(void **state)
{
	struct actor actor;
	int pair[2];
	pthread_t thread;
	struct lot *lot = lot_begin(2, &thread);
	(void)state;
	actor_init(&actor, watches_two);
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	actor.session.second_fd = pair[0];
	assert(write(actor.other, "x", 1) == 1);
	lot_add(lot, &actor.session);
	WAIT_UNTIL(actor.events[SESSION_START] == 1);
	/* what it has no interest in does not wake it */
	WAIT_UNTIL(lot_idle_workers(lot) == 2);
	assert_int_equal(actor.events[SESSION_READABLE], 0);
	assert(write(pair[1], "x", 1) == 1);
	WAIT_UNTIL(atomic_load(&actor.seen) == 1);
	/* and what it has gained interest in does */
	WAIT_UNTIL(atomic_load(&actor.events[SESSION_READABLE]) >= 2);
	lot_end(&lot, thread);
	close(actor.other);
	close(pair[1]);
}

/* ---- bulkheads ---- */

static void
half_of_the_workers_may_wait_for_one_callee(void **state)
{
	static const struct {
		unsigned workers, most;
	} cases[] = { { 1, 1 }, { 2, 1 }, { 7, 3 }, { 16, 8 } };
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lot *lot = lot_new(cases[i].workers);
		struct bulkhead bulkhead = { 0 };
		for (unsigned j = 0; j < cases[i].most; j++)
			assert_true(bulkhead_enter(&bulkhead, lot));
		assert_false(bulkhead_enter(&bulkhead, lot));
		bulkhead_leave(&bulkhead);
		assert_true(bulkhead_enter(&bulkhead, lot));
		lot_free(&lot);
	}
}

/* ---- seats ---- */

enum { SEATS = 2, SEAT_ACTORS = 12 };

static atomic_uint inside, most_inside, waiting_for_all;

/* Waits, with its seat or after it gave it away, until all are there or it is
 * clear that they do not come. */
static enum session_next
stays(struct actor *actor, enum session_event event)
{
	if (event == SESSION_STOP)
		return SESSION_CLOSE;
	bool steps_aside = atomic_load(&actor->wanted) != 0;
	unsigned now = atomic_fetch_add(&inside, 1) + 1;
	for (unsigned most = atomic_load(&most_inside); now > most;)
		if (atomic_compare_exchange_weak(&most_inside, &most, now))
			break;
	if (steps_aside) {
		lot_step_aside();
		int64_t until = clock_monotonic() + PATIENCE;
		while (atomic_load(&inside) < SEAT_ACTORS &&
		    atomic_load(&waiting_for_all) == 0 &&
		    clock_monotonic() < until)
			poll(NULL, 0, 1);
		atomic_store(&waiting_for_all, 1);
	} else {
		poll(NULL, 0, 5);
		atomic_fetch_sub(&inside, 1);
	}
	return SESSION_CLOSE;
}

static unsigned
most_at_once(bool steps_aside)
{
	struct actor actors[SEAT_ACTORS];
	pthread_t thread;
	struct lot *lot = lot_new(SEAT_ACTORS + 2);
	lot_set_seats(lot, SEATS);
	atomic_store(&freed, 0);
	atomic_store(&inside, 0);
	atomic_store(&most_inside, 0);
	atomic_store(&waiting_for_all, 0);
	assert(pthread_create(&thread, NULL, lot_thread, lot) == 0);
	for (size_t i = 0; i < SEAT_ACTORS; i++) {
		actor_init(&actors[i], stays);
		atomic_store(&actors[i].wanted, steps_aside);
		lot_add(lot, &actors[i].session);
	}
	WAIT_UNTIL(atomic_load(&freed) == SEAT_ACTORS);
	lot_end(&lot, thread);
	for (size_t i = 0; i < SEAT_ACTORS; i++)
		close(actors[i].other);
	return atomic_load(&most_inside);
}

/* Few work at a time, but those who wait for somebody keep nobody from it. */
static void
who_waits_gives_his_seat_away(void **state)
{
	(void)state;
	assert_true(most_at_once(false) <= SEATS);
	assert_int_equal(most_at_once(true), SEAT_ACTORS);
}

/* All are there before the first thread is, and each of those that begin takes
 * one that waits for the last. */
static void
who_waits_long_keeps_no_other_from_beginning(void **state)
{
	struct actor actors[SEAT_ACTORS];
	pthread_t thread;
	struct lot *lot = lot_new(SEAT_ACTORS);
	(void)state;
	atomic_store(&freed, 0);
	atomic_store(&inside, 0);
	atomic_store(&most_inside, 0);
	atomic_store(&waiting_for_all, 0);
	for (size_t i = 0; i < SEAT_ACTORS; i++) {
		actor_init(&actors[i], stays);
		atomic_store(&actors[i].wanted, true);
		lot_add(lot, &actors[i].session);
	}
	assert(pthread_create(&thread, NULL, lot_thread, lot) == 0);
	WAIT_UNTIL(atomic_load(&freed) == SEAT_ACTORS);
	lot_end(&lot, thread);
	for (size_t i = 0; i < SEAT_ACTORS; i++)
		close(actors[i].other);
	assert_int_equal(atomic_load(&most_inside), SEAT_ACTORS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_nudge_and_no_byte_is_lost),
		cmocka_unit_test(short_lives_do_not_meet),
		cmocka_unit_test(two_of_a_group_run_at_once),
		cmocka_unit_test(a_deadline_ends_the_wait),
		cmocka_unit_test(parked_for_writing_until_the_peer_reads),
		cmocka_unit_test(each_of_two_descriptors_has_its_interest),
		cmocka_unit_test(who_waits_gives_his_seat_away),
		cmocka_unit_test(who_waits_long_keeps_no_other_from_beginning),
		cmocka_unit_test(half_of_the_workers_may_wait_for_one_callee),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
