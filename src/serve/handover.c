/*
 * One message: a fixed header, the PROXY v2 header, the bytes already read; the
 * descriptors travel with its first byte. Works on both kinds of sockets; on a
 * stream a message may arrive in pieces, and one side is never more than one
 * message ahead of what a wire holds.
 */
#include "serve/handover.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/file.h"
#include "serve/session.h"
#include "serve/wire.h"

enum { MAGIC = 0x31764f48, PATIENCE = 2000 /* ms for the rest of one */ };

struct header {
	uint32_t magic;
	uint32_t has_fd;		/* bit i: fds[i] comes along */
	uint32_t facts_size, unread_size;
	uint8_t ticket[HANDOVER_TICKET_SIZE];
	char session[24];
	char tag[HANDOVER_TAG_SIZE];
};

_Static_assert(sizeof(struct header) + PROXY2_HEADER_LIMIT <=
	HANDOVER_ROOM - HANDOVER_UNREAD_LIMIT, "a message fits into its room");

static int
wait_for(int socket, short what, int64_t deadline, struct error *error)
{
	struct pollfd slot = { .fd = socket, .events = what };
	int n;
	lot_step_aside();
	do {
		n = poll(&slot, 1, clock_until(deadline));
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		return 0;
	return error_set(error, ERROR_TIMEOUT,
		"the other process does not go on with a handover");
}

/* The rest of a message of which the first piece went with the descriptors. */
static int
send_rest(int socket, struct span rest, int64_t deadline, struct error *error)
{
	while (rest.size > 0) {
		ssize_t n = send(socket, rest.data, rest.size,
			MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0)
			rest = span_skip(rest, (size_t)n);
		else if (errno != EAGAIN && errno != EINTR)
			return error_set_errno(error, "handing over");
		else if (wait_for(socket, POLLOUT, deadline, error) < 0)
			return -1;
	}
	return 0;
}

/* The first piece is small enough that it goes whole or not at all. */
static int
send_message(int socket, struct span bytes, const int *fds, size_t count,
	struct error *error)
{
	int64_t deadline = clock_monotonic() + PATIENCE;
	int type = SOCK_STREAM;
	socklen_t size = sizeof(type);
	getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size);
	size_t first = type == SOCK_SEQPACKET || bytes.size < 4096 ?
		bytes.size : 4096;
	while (wire_send_fds(socket, span_first(bytes, first), fds, count,
	    error) < 0)
		if (error->number != EAGAIN ||
		    wait_for(socket, POLLOUT, deadline, error) < 0)
			return -1;
	return send_rest(socket, span_skip(bytes, first), deadline, error);
}

int
handover_send(int socket, struct handover *handover, struct error *error)
{
	struct header header = { .magic = MAGIC };
	struct buffer facts, message;
	int fds[HANDOVER_FDS];
	size_t count = 0;
	assert(handover->unread.size <= HANDOVER_UNREAD_LIMIT);
	for (size_t i = 0; i < HANDOVER_FDS; i++) {
		if (handover->fds[i] < 0)
			continue;
		header.has_fd |= 1u << i;
		fds[count++] = handover->fds[i];
	}
	assert(count > 0);
	buffer_init(&facts, PROXY2_HEADER_LIMIT);
	proxy2_encode(&facts, &handover->facts);
	header.facts_size = (uint32_t)facts.size;
	header.unread_size = (uint32_t)handover->unread.size;
	memcpy(header.ticket, handover->ticket, sizeof(header.ticket));
	memcpy(header.session, handover->session, sizeof(header.session));
	memcpy(header.tag, handover->tag, sizeof(header.tag));
	buffer_init(&message, 0);
	buffer_add(&message, span_of(&header, sizeof(header)));
	buffer_add(&message, buffer_span(&facts));
	buffer_add(&message, handover->unread);
	int result = send_message(socket, buffer_span(&message), fds, count,
		error);
	buffer_fini(&facts);
	buffer_fini(&message);
	for (size_t i = 0; result == 0 && i < HANDOVER_FDS; i++)
		file_close(&handover->fds[i]);
	return result;
}

/* ---- receiving ---- */

static int
receive_rest(int socket, char *at, size_t size, struct error *error)
{
	int64_t deadline = clock_monotonic() + PATIENCE;
	while (size > 0) {
		ssize_t n = recv(socket, at, size, MSG_DONTWAIT);
		if (n == 0)
			return error_set(error, ERROR_GONE,
				"the other process ended within a handover");
		if (n > 0) {
			at += n;
			size -= (size_t)n;
		} else if (errno != EAGAIN && errno != EINTR) {
			return error_set_errno(error, "receiving a handover");
		} else if (wait_for(socket, POLLIN, deadline, error) < 0) {
			return -1;
		}
	}
	return 0;
}

/* The first piece with its descriptors; what it says about the rest. */
static int
receive_first(int socket, char *room, size_t size, int *fds, size_t *fd_count,
	struct header *header, struct error *error)
{
	ssize_t n = wire_receive_fds(socket, room, size, fds, HANDOVER_FDS,
		fd_count, error);
	if (n < 0)
		return -1;
	if (n == 0)
		return error_set(error, ERROR_GONE, "the other process ended");
	if ((size_t)n < sizeof(*header))
		return error_set(error, ERROR_DAMAGED, "a handover is too short");
	memcpy(header, room, sizeof(*header));
	if (header->magic != MAGIC || header->has_fd == 0 ||
	    header->has_fd >= 1u << HANDOVER_FDS ||
	    header->facts_size > PROXY2_HEADER_LIMIT ||
	    header->unread_size > HANDOVER_UNREAD_LIMIT ||
	    (size_t)__builtin_popcount(header->has_fd) != *fd_count)
		return error_set(error, ERROR_DAMAGED, "a handover is malformed");
	size_t whole = sizeof(*header) + header->facts_size +
		header->unread_size;
	if ((size_t)n > whole || whole > size)
		return error_set(error, ERROR_DAMAGED, "a handover is malformed");
	return receive_rest(socket, room + n, whole - (size_t)n, error);
}

static int
fill(struct handover *handover, const struct header *header, const char *room,
	struct error *error)
{
	size_t consumed;
	struct span facts = span_of(room + sizeof(*header), header->facts_size);
	if (proxy2_decode(facts, &handover->facts, &consumed) != PROXY2_OK ||
	    consumed != facts.size)
		return error_set(error, ERROR_DAMAGED,
			"the addresses of a handover are malformed");
	memcpy(handover->ticket, header->ticket, sizeof(handover->ticket));
	memcpy(handover->session, header->session, sizeof(handover->session));
	memcpy(handover->tag, header->tag, sizeof(handover->tag));
	handover->session[sizeof(handover->session) - 1] = '\0';
	handover->tag[sizeof(handover->tag) - 1] = '\0';
	handover->unread = span_of(facts.data + facts.size,
		header->unread_size);
	return 0;
}

int
handover_receive(int socket, struct handover *handover, void *room,
	size_t size, struct error *error)
{
	struct header header = { 0 };
	int fds[HANDOVER_FDS];
	size_t count = 0;
	*handover = (struct handover){ .fds = { -1, -1 } };
	assert(size >= HANDOVER_ROOM);
	int result = receive_first(socket, room, size, fds, &count, &header,
		error);
	if (result == 0)
		result = fill(handover, &header, room, error);
	if (result < 0) {
		while (count > 0)
			file_close(&fds[--count]);
		return -1;
	}
	size_t next = 0;
	for (size_t i = 0; i < HANDOVER_FDS; i++)
		if ((header.has_fd & 1u << i) != 0)
			handover->fds[i] = fds[next++];
	return 0;
}
