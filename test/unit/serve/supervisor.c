/* The control socket to master when more ask at once than it holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "serve/supervisor.h"

enum { PATIENCE = 60000, SHORT = 30 };

static int ends[2];	/* a process's, and master's */

static int
open_ends(void **state)
{
	const int little = 4096;
	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0 ||
	    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &little,
			sizeof(little)) < 0)
		return -1;
	supervisor_open(ends[0]);
	return 0;
}

static int
close_ends(void **state)
{
	(void)state;
	file_close(&ends[0]);
	file_close(&ends[1]);
	return 0;
}

static unsigned
fill(void)
{
	const struct control_message message = { .version = CONTROL_VERSION,
		.kind = CONTROL_READY };
	struct error error;
	unsigned count = 0;
	while (supervisor_send(&message, &error) == 0)
		count++;
	assert_int_equal(error.code, ERROR_LATER);
	assert_true(count > 0);
	return count;
}

/* Master, who reads at last: all that came before, then the question. */
static void *
answer(void *context)
{
	struct control_message message = { .kind = CONTROL_READY };
	while (message.kind == CONTROL_READY)
		if (recv(ends[1], &message, sizeof(message), 0) <= 0)
			return NULL;
	int fd = dup(ends[1]);
	supervisor_answer(&message, &fd);
	memcpy(context, message.service, sizeof(message.service));
	return NULL;
}

static void
who_finds_no_room_waits(void **state)
{
	char service[CONTROL_NAME_SIZE] = "";
	struct error error = { .text = "" };
	pthread_t master;
	(void)state;
	fill();
	assert_int_equal(pthread_create(&master, NULL, answer, service), 0);
	int fd = supervisor_connect("names-dns", 0,
		clock_monotonic() + PATIENCE, &error);
	assert_int_equal(pthread_join(master, NULL), 0);
	if (fd < 0)
		fail_msg("%s", error.text);
	assert_string_equal(service, "names-dns");
	file_close(&fd);
}

static void
nobody_waits_for_ever(void **state)
{
	struct error error;
	(void)state;
	fill();
	int64_t begin = clock_monotonic();
	assert_int_equal(supervisor_connect("names-dns", 0, begin + SHORT,
		&error), -1);
	assert_int_equal(error.code, ERROR_LATER);
	assert_true(clock_monotonic() >= begin + SHORT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_finds_no_room_waits,
			open_ends, close_ends),
		cmocka_unit_test_setup_teardown(nobody_waits_for_ever,
			open_ends, close_ends),
	};
	return cmocka_run_group_tests_name("supervisor", tests, NULL, NULL);
}
