/* Handing connections over: whole, in pieces, malformed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <assert.h>
#include <cmocka.h>

#include "base/file.h"
#include "serve/handover.h"
#include "serve/wire.h"

static char unread[HANDOVER_UNREAD_LIMIT];
static char room[HANDOVER_ROOM];

static void
make_pair(int type, int pair[2])
{
	assert(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, pair) == 0);
}

/* A pipe whose write end is handed over, so that it can be recognised. */
static struct handover
handover_of(size_t unread_size, bool has_two, int *read_end)
{
	struct handover handover = { .fds = { -1, -1 } };
	int ends[2];
	assert(pipe(ends) == 0);
	*read_end = ends[0];
	handover.fds[has_two ? 1 : 0] = ends[1];
	if (has_two)
		handover.fds[0] = open("/dev/null", O_RDONLY);
	assert(network_address_parse(SPAN("192.0.2.1"),
		&handover.facts.client));
	assert(network_address_parse(SPAN("192.0.2.2"),
		&handover.facts.local));
	memset(handover.ticket, 0x5a, sizeof(handover.ticket));
	snprintf(handover.session, sizeof(handover.session), "abc");
	snprintf(handover.tag, sizeof(handover.tag), "A001");
	handover.unread = span_of(unread, unread_size);
	return handover;
}

static void
check(struct handover *got, size_t unread_size, bool has_two, int read_end)
{
	char text[NETWORK_TEXT_SIZE], byte = 0;
	network_address_format(&got->facts.client, text);
	assert_string_equal(text, "192.0.2.1");
	assert_string_equal(got->session, "abc");
	assert_string_equal(got->tag, "A001");
	assert_int_equal(got->ticket[15], 0x5a);
	assert_true(span_equals(got->unread, span_of(unread, unread_size)));
	assert_int_equal(got->fds[1] >= 0, has_two);
	assert(write(got->fds[has_two ? 1 : 0], "!", 1) == 1);
	assert(read(read_end, &byte, 1) == 1);
	assert_int_equal(byte, '!');
	assert_true((fcntl(got->fds[0], F_GETFD) & FD_CLOEXEC) != 0);
	file_close(&got->fds[0]);
	file_close(&got->fds[1]);
	/* the sender kept none: the pipe is at its end */
	assert(read(read_end, &byte, 1) == 0);
	close(read_end);
}

static void
what_is_sent_arrives(void **state)
{
	static const struct {
		int type;
		size_t unread_size;
		bool has_two;
	} cases[] = {
		{ SOCK_STREAM, 0, false }, { SOCK_STREAM, 100, true },
		{ SOCK_STREAM, HANDOVER_UNREAD_LIMIT, true },
		{ SOCK_SEQPACKET, 0, true },
		{ SOCK_SEQPACKET, HANDOVER_UNREAD_LIMIT, false },
	};
	struct error error;
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int pair[2], read_end;
		make_pair(cases[i].type, pair);
		struct handover sent = handover_of(cases[i].unread_size,
			cases[i].has_two, &read_end), got;
		assert_int_equal(handover_send(pair[0], &sent, &error), 0);
		assert_int_equal(sent.fds[0], -1);
		assert_int_equal(handover_receive(pair[1], &got, room,
			sizeof(room), &error), 0);
		check(&got, cases[i].unread_size, cases[i].has_two, read_end);
		assert_int_equal(handover_receive(pair[1], &got, room,
			sizeof(room), &error), -1);
		assert_int_equal(error.number, EAGAIN);
		close(pair[0]);
		assert_int_equal(handover_receive(pair[1], &got, room,
			sizeof(room), &error), -1);
		assert_int_equal(error.code, ERROR_GONE);
		close(pair[1]);
	}
}

struct sender {
	int socket;
	int read_ends[50];
};

static void *
send_many(void *context)
{
	struct sender *sender = context;
	struct error error;
	for (int i = 0; i < 50; i++) {
		struct handover sent = handover_of(HANDOVER_UNREAD_LIMIT, true,
			&sender->read_ends[i]);
		assert(handover_send(sender->socket, &sent, &error) == 0);
	}
	return NULL;
}

/* More than the socket holds: both sides wait for each other. */
static void
many_in_a_row_keep_their_descriptors(void **state)
{
	int pair[2];
	struct sender sender;
	struct error error;
	pthread_t thread;
	(void)state;
	make_pair(SOCK_STREAM, pair);
	sender.socket = pair[0];
	handover_of(HANDOVER_UNREAD_LIMIT, true, &sender.read_ends[0]);
	assert(pthread_create(&thread, NULL, send_many, &sender) == 0);
	for (int i = 0; i < 50;) {
		struct handover got;
		int result = handover_receive(pair[1], &got, room, sizeof(room),
			&error);
		if (result < 0 && error.number == EAGAIN)
			continue;
		if (result < 0)
			fail_msg("%d: %s", i, error.text);
		check(&got, HANDOVER_UNREAD_LIMIT, true, sender.read_ends[i++]);
	}
	assert(pthread_join(thread, NULL) == 0);
	close(pair[0]);
	close(pair[1]);
}

static unsigned
count_descriptors(void)
{
	unsigned count = 0;
	for (int fd = 0; fd < 1000; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			count++;
	return count;
}

static void
malformed_ones_leave_no_descriptor(void **state)
{
	struct error error;
	(void)state;
	/* byte of a good message to spoil, by its place */
	static const size_t places[] = { 0, 4, 5, 8, 9, 12, 13, 14, 15, 120 };
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int pair[2], read_end, fds[2];
		char bytes[4096];
		size_t count;
		make_pair(SOCK_SEQPACKET, pair);
		struct handover sent = handover_of(10, true, &read_end), got;
		assert(handover_send(pair[0], &sent, &error) == 0);
		ssize_t n = wire_receive_fds(pair[1], bytes, sizeof(bytes), fds,
			2, &count, &error);
		assert(n > 120 && count == 2);
		bytes[places[i]] ^= 0x55;
		unsigned before = count_descriptors();
		assert(wire_send_fds(pair[0], span_of(bytes, (size_t)n), fds, 2,
			&error) == 0);
		int result = handover_receive(pair[1], &got, room, sizeof(room),
			&error);
		if (result == 0)
			fail_msg("byte %zu was not looked at", places[i]);
		/* a size that promises more is waited for */
		assert_true(error.code == ERROR_DAMAGED ||
			error.code == ERROR_TIMEOUT);
		assert_int_equal(count_descriptors(), before);
		close(fds[0]);
		close(fds[1]);
		close(read_end);
		close(pair[0]);
		close(pair[1]);
	}
}

static void
descriptors_that_were_not_asked_for_are_closed(void **state)
{
	int pair[2], read_end, fds[2], many[4];
	char bytes[4096];
	size_t count;
	struct error error;
	(void)state;
	make_pair(SOCK_SEQPACKET, pair);
	struct handover sent = handover_of(10, true, &read_end), got;
	assert(handover_send(pair[0], &sent, &error) == 0);
	ssize_t n = wire_receive_fds(pair[1], bytes, sizeof(bytes), fds, 2,
		&count, &error);
	assert(n > 0 && count == 2);
	for (int i = 0; i < 4; i++)
		many[i] = fds[i % 2];
	unsigned before = count_descriptors();
	assert(wire_send_fds(pair[0], span_of(bytes, (size_t)n), many, 4,
		&error) == 0);
	assert_int_equal(handover_receive(pair[1], &got, room, sizeof(room),
		&error), 0);
	file_close(&got.fds[0]);
	file_close(&got.fds[1]);
	assert_int_equal(count_descriptors(), before);
	close(fds[0]);
	close(fds[1]);
	close(read_end);
	close(pair[0]);
	close(pair[1]);
}

static void
half_a_message_is_not_waited_for_long(void **state)
{
	int pair[2], read_end, fds[2];
	char bytes[4096];
	size_t count;
	struct error error;
	(void)state;
	make_pair(SOCK_STREAM, pair);
	struct handover sent = handover_of(1000, true, &read_end), got;
	assert(handover_send(pair[0], &sent, &error) == 0);
	ssize_t n = wire_receive_fds(pair[1], bytes, sizeof(bytes), fds, 2,
		&count, &error);
	assert(n > 1000 && count == 2);
	assert(wire_send_fds(pair[0], span_of(bytes, (size_t)n - 1), fds, 2,
		&error) == 0);
	assert_int_equal(handover_receive(pair[1], &got, room, sizeof(room),
		&error), -1);
	assert_int_equal(error.code, ERROR_TIMEOUT);
	close(fds[0]);
	close(fds[1]);
	close(read_end);
	close(pair[0]);
	close(pair[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sent_arrives),
		cmocka_unit_test(many_in_a_row_keep_their_descriptors),
		cmocka_unit_test(malformed_ones_leave_no_descriptor),
		cmocka_unit_test(descriptors_that_were_not_asked_for_are_closed),
		cmocka_unit_test(half_a_message_is_not_waited_for_long),
	};
	for (size_t i = 0; i < sizeof(unread); i++)
		unread[i] = (char)(i * 31);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
