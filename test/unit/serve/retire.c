/* A process whose place another takes: when it ends, and what it tells whom.
 * The test plays master. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/file.h"
#include "serve/counter.h"
#include "serve/legacy.h"
#include "serve/supervisor.h"
#include "serve/wire.h"

enum { PATIENCE = 60000, MOST = 300 };

static struct {
	struct lot *lot;
	int master;			/* our end of the control socket */
	pthread_t thread;
	atomic_bool has_ended;
	atomic_uint retired;
} world;

struct guest {
	struct session session;		/* first */
	atomic_uint starts, nudges, stops, ends;
};

static enum session_next
run(struct session *session, enum session_event event)
{
	struct guest *guest = (struct guest *)session;
	char byte;
	guest->starts += event == SESSION_START;
	guest->nudges += event == SESSION_NUDGE;
	guest->stops += event == SESSION_STOP;
	bool is_over = event == SESSION_READABLE &&
		recv(session->fd, &byte, 1, MSG_DONTWAIT) == 0;
	return event == SESSION_STOP || is_over ? SESSION_CLOSE : SESSION_PARK;
}

static void
end_guest(struct session **session)
{
	struct guest *guest = (struct guest *)*session;
	file_close(&guest->session.fd);
	guest->ends++;
	*session = NULL;
}

static const struct session_type type = { .name = "guest", .run = run,
	.free = end_guest };

/* The other end of its connection. */
static int
add(struct guest *guest, bool is_own_work, bool can_move)
{
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
		pair), 0);
	guest->session = (struct session){ .type = &type, .fd = pair[0],
		.second_fd = -1, .deadline = INT64_MAX,
		.is_own_work = is_own_work, .can_move = can_move };
	lot_add(world.lot, &guest->session);
	return pair[1];
}

static void
wait_for(atomic_uint *count)
{
	int64_t until = clock_monotonic() + PATIENCE;
	while (atomic_load(count) == 0)
		if (usleep(1000) < 0 || clock_until(until) == 0)
			fail_msg("it did not happen");
}

static void *
run_lot(void *context)
{
	(void)context;
	lot_run(world.lot, PATIENCE);
	atomic_store(&world.has_ended, true);
	return NULL;
}

static void
note_retire(void)
{
	world.retired++;
}

/* most: ms that sessions have when another process waits. */
static void
begin(int64_t most)
{
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
		pair), 0);
	supervisor_open(pair[0]);
	world.master = pair[1];
	world.has_ended = false;
	world.retired = 0;
	world.lot = lot_new(4);
	lot_on_retire(world.lot, note_retire, most);
	assert_int_equal(pthread_create(&world.thread, NULL, run_lot, NULL), 0);
}

static void
tell(enum control_kind kind, int fd)
{
	const struct control_message message = { .version = CONTROL_VERSION,
		.kind = kind };
	struct error error;
	assert_true(descriptor_send(world.master, span_of(&message,
		sizeof(message)), &fd, fd >= 0, &error) > 0);
}

static void
finish(void)
{
	int none = -1;
	pthread_join(world.thread, NULL);
	lot_free(&world.lot);
	legacy_open(&none);
	close(world.master);
}

static void
it_ends_with_its_last_session(void **state)
{
	static struct guest own, client;
	(void)state;
	begin(MOST);
	int other = add(&own, true, false), wire = add(&client, false, false);
	wait_for(&client.starts);
	wait_for(&own.starts);
	tell(CONTROL_RETIRE, -1);
	wait_for(&world.retired);
	usleep(MOST * 2000);	/* nobody waits for it: no limit */
	assert_false(world.has_ended);
	assert_int_equal(client.nudges + client.stops, 0);
	close(wire);
	wait_for(&client.ends);
	wait_for(&own.stops);
	finish();
	assert_int_equal(client.stops, 0);
	close(other);
}

/* Who waits is at the other end. */
static int
retire_for_another(void)
{
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
		pair), 0);
	tell(CONTROL_RETIRE, pair[0]);
	close(pair[0]);
	return pair[1];
}

static void
it_ends_in_time_when_another_waits(void **state)
{
	static struct guest client;
	(void)state;
	begin(MOST);
	int wire = add(&client, false, false);
	wait_for(&client.starts);
	int heir = retire_for_another();
	wait_for(&client.stops);
	finish();
	assert_int_equal(client.nudges, 0);
	close(heir);
	close(wire);
}

static void
what_can_move_moves(void **state)
{
	static struct guest client, mover;
	struct legacy legacy;
	struct error error;
	(void)state;
	begin(PATIENCE);
	int wire = add(&client, false, false), moved = add(&mover, false, true);
	wait_for(&client.starts);
	wait_for(&mover.starts);
	assert_false(legacy_is_wanted());
	int heir = retire_for_another();
	wait_for(&mover.nudges);
	assert_true(legacy_is_wanted());
	assert_int_equal(legacy_send(SPAN("all"), &wire, 1, &error), 0);
	/* its descriptor is also on its way to the heir */
	shutdown(wire, SHUT_RDWR);
	close(wire);
	close(moved);
	finish();
	assert_int_equal(client.nudges + client.stops, 0);
	assert_int_equal(legacy_send(SPAN("more"), NULL, 0, &error), -1);
	/* the end of a process would close it; here we say so */
	shutdown(heir, SHUT_RD);
	legacy_receive_all(&heir);
	assert_true(legacy_next(&legacy));
	assert_true(span_equals(legacy.bytes, SPAN("all")));
	assert_true(legacy.fds[0] >= 0 && legacy.fds[1] == -1);
	assert_false(legacy_next(&legacy));
	file_close(&legacy.fds[0]);
}

/* Answers with one end of a pair for each question; the other is kept. */
static int callee[2];

static void *
join(void *context)
{
	struct control_message message;
	(void)context;
	for (size_t i = 0; i < 2;) {
		int pair[2];
		struct error error;
		if (recv(world.master, &message, sizeof(message), 0) <= 0)
			return NULL;
		if (message.kind != CONTROL_CONNECT)
			continue;
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
		message.kind = CONTROL_WIRE;
		descriptor_send(world.master, span_of(&message,
			sizeof(message)), &pair[0], 1, &error);
		close(pair[0]);
		callee[i++] = pair[1];
	}
	return NULL;
}

static void
fresh_wires_are_taken_when_others_have_begun(void **state)
{
	static struct guest client;
	const int64_t until = clock_monotonic() + PATIENCE;
	struct error error;
	pthread_t master;
	char byte;
	(void)state;
	begin(MOST);
	assert_int_equal(pthread_create(&master, NULL, join, NULL), 0);
	struct wire_pool *pool = wire_pool_new(world.lot, "auth-user", 0);
	struct wire *kept = wire_take(pool, until, &error);
	struct wire *busy = wire_take(pool, until, &error);
	assert_true(kept != NULL && busy != NULL);
	pthread_join(master, NULL);
	wire_give(&kept);
	tell(CONTROL_FRESH, -1);
	/* the one that is kept ends; the other when its call has ended */
	assert_int_equal(recv(callee[0], &byte, 1, 0), 0);
	assert_int_equal(recv(callee[1], &byte, 1, MSG_DONTWAIT), -1);
	wire_give(&busy);
	assert_int_equal(recv(callee[1], &byte, 1, 0), 0);
	wire_pool_free(&pool);
	close(callee[0]);
	close(callee[1]);
	int wire = add(&client, false, false);
	wait_for(&client.starts);
	tell(CONTROL_END, -1);
	finish();
	close(wire);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_ends_with_its_last_session),
		cmocka_unit_test(it_ends_in_time_when_another_waits),
		cmocka_unit_test(what_can_move_moves),
		cmocka_unit_test(fresh_wires_are_taken_when_others_have_begun),
	};
	counter_open(-1, -1, false);
	log_init("test", -1, -1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
