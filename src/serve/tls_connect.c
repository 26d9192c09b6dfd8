/*
 * The caller's side of "tls-connect": one message out, with the socket, and
 * the facts back on the plain end. The wire is given back at once; what waits
 * for the stranger is only the caller.
 */
#include "serve/tls_connect.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "serve/handover.h"
#include "serve/wire.h"

enum {
	HANDOVER_WAIT = 5000,	/* ms to find tls-out ready to take a socket */
	/* tls-out ends at the deadline itself and says so: leave it the time */
	DEADLINE_SLACK = 2000,
	REQUEST_LIMIT = 2048 + (1 + TLSWIRE_NAMES) * 256 + TLSWIRE_TLSA_TOTAL,
};

_Static_assert((int)REQUEST_LIMIT <= (int)HANDOVER_UNREAD_LIMIT,
	"a request fits into a handover");

struct tls_connector {
	struct wire_pool *pool;
};

struct tls_connector *
tls_connector_new(struct lot *lot)
{
	struct tls_connector *connector = memory_new(sizeof(*connector));
	connector->pool = wire_pool_new(lot, "tls-connect", 0);
	return connector;
}

void
tls_connector_free(struct tls_connector **connector)
{
	if (*connector == NULL)
		return;
	wire_pool_free(&(*connector)->pool);
	memory_free(*connector);
	*connector = NULL;
}

/* Gives both sockets away, or neither. */
static int
hand_over(struct tls_connector *connector, struct handover *handover,
	int64_t deadline, struct error *error)
{
	int64_t latest = clock_monotonic() + HANDOVER_WAIT;
	struct wire *wire = wire_take(connector->pool,
		latest < deadline ? latest : deadline, error);
	if (wire == NULL)
		return -1;
	if (handover_send(wire->stream.fd, handover, error) < 0) {
		wire_drop(&wire);
		return -1;
	}
	wire_give(&wire);
	return 0;
}

static int
send_request(struct tls_connector *connector, int sockets[HANDOVER_FDS],
	const struct tls_connect_request *request,
	const struct log_scope *scope, struct error *error)
{
	struct handover handover = { .fds = { sockets[0], sockets[1] } };
	struct buffer bytes;
	_Static_assert(sizeof(handover.session) == sizeof(scope->session),
		"ids of one size");
	if (scope != NULL)
		memcpy(handover.session, scope->session,
			sizeof(handover.session));
	buffer_init(&bytes, 0);
	tlswire_request_encode(&bytes, request, clock_monotonic());
	handover.unread = buffer_span(&bytes);
	int result = hand_over(connector, &handover, request->deadline, error);
	buffer_fini(&bytes);
	sockets[0] = handover.fds[0];
	sockets[1] = handover.fds[1];
	return result;
}

/* Exactly the facts are taken off; the stranger's first bytes may be behind. */
static int
read_facts(int fd, int64_t deadline, struct tls_connect_facts *facts,
	struct error *error)
{
	char bytes[TLSWIRE_FACTS_LIMIT];
	struct pollfd slot = { .fd = fd, .events = POLLIN };
	enum tlswire_verdict verdict = TLSWIRE_MORE;
	size_t consumed = 0;
	while (verdict == TLSWIRE_MORE) {
		int ready = poll(&slot, 1, clock_until(deadline));
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return error_set(error, ERROR_LATER,
				"tls-out does not answer");
		ssize_t n = recv(fd, bytes, sizeof(bytes),
			MSG_PEEK | MSG_DONTWAIT);
		if (n == 0)
			return error_set(error, ERROR_GONE, "tls-out has ended");
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return error_set_errno(error, "reading from tls-out");
		verdict = tlswire_facts_decode(span_of(bytes, (size_t)n),
			facts, &consumed);
	}
	if (verdict == TLSWIRE_BAD ||
	    recv(fd, bytes, consumed, MSG_DONTWAIT) != (ssize_t)consumed)
		return error_set(error, ERROR_DAMAGED,
			"tls-out says something that is not facts");
	return 0;
}

/* What the facts mean for the caller. */
static int
judge(const struct tls_connect_facts *facts, struct error *error)
{
	if (facts->is_done)
		return 0;
	return error_set(error, facts->problem == TLS_PROBLEM_TIMEOUT ?
		ERROR_TIMEOUT : ERROR_REFUSED, "%s", facts->reason);
}

int
tls_connect(struct tls_connector *connector, int *fd,
	const struct tls_connect_request *request,
	const struct log_scope *scope, struct tls_connect_facts *facts,
	struct error *error)
{
	int pair[2] = { -1, -1 };
	*facts = (struct tls_connect_facts){ 0 };
	if (!tlswire_request_is_valid(request)) {
		file_close(fd);
		return error_set(error, ERROR_USAGE, "the names or TLSA records "
			"to verify with are beyond a limit");
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
	    pair) < 0) {
		file_close(fd);
		return error_set_errno(error, "making a socket pair");
	}
	int sockets[HANDOVER_FDS] = { *fd, pair[1] };
	*fd = -1;
	int result = send_request(connector, sockets, request, scope, error);
	file_close(&sockets[0]);
	file_close(&sockets[1]);
	if (result == 0)
		result = read_facts(pair[0], request->deadline + DEADLINE_SLACK,
			facts, error);
	if (result == 0)
		result = judge(facts, error);
	if (result < 0)
		file_close(&pair[0]);
	*fd = pair[0];
	return result;
}
