/*
 * UDP and TCP on the loopback (RFC 1035 4.2, RFC 7766).
 */
#include "names/loopback.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "names/datagram.h"
#include "names/inquirer.h"

enum { PLACES = 4, BACKLOG = 64 };

/* One socket. */
struct place {
	struct session session;		/* first */
	int fd;
	bool is_stream;
};

static struct place places[PLACES];
static size_t count;

static socklen_t
make_address(int family, unsigned port, struct sockaddr_storage *address)
{
	*address = (struct sockaddr_storage){ .ss_family =
		(sa_family_t)family };
	if (family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)address;
		in->sin_port = htons((uint16_t)port);
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;
	in6->sin6_port = htons((uint16_t)port);
	in6->sin6_addr = in6addr_loopback;
	return sizeof(*in6);
}

static int
open_place(int family, int kind, unsigned port)
{
	struct sockaddr_storage address;
	socklen_t size = make_address(family, port, &address);
	int one = 1;
	int fd = socket(family, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&address, size) < 0 ||
	    (kind == SOCK_STREAM && listen(fd, BACKLOG) < 0)) {
		int number = errno;
		file_close(&fd);
		errno = number;
	}
	return fd;
}

int
loopback_open(unsigned port, bool may_be_ours, struct error *error)
{
	static const int families[] = { AF_INET, AF_INET6 };
	for (size_t i = 0; port != 0 && i < PLACES; i++) {
		int kind = i % 2 == 0 ? SOCK_STREAM : SOCK_DGRAM;
		int family = families[i / 2];
		int fd = open_place(family, kind, port);
		if (fd < 0 && family == AF_INET6 &&
		    (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
			return 0;
		if (fd < 0 && errno == EADDRINUSE && may_be_ours)
			continue;
		if (fd < 0)
			return error_set_errno(error, "dns_resolver_port: "
				"listening on port %u of the loopback", port);
		places[count++] = (struct place){ .fd = fd,
			.is_stream = kind == SOCK_STREAM };
	}
	return 0;
}

/* ---- serving ---- */

static void
accept_all(struct place *place)
{
	int fd;
	while ((fd = accept4(place->fd, NULL, NULL, SOCK_CLOEXEC |
	    SOCK_NONBLOCK)) >= 0) {
		struct incoming incoming = { .fd = fd, .service = "dns" };
		inquirer_accept(place->session.lot, &incoming);
		file_close(&incoming.fd);
	}
}

static enum session_next
run(struct session *session, enum session_event event)
{
	struct place *place = (struct place *)session;
	if (event == SESSION_STOP)
		return SESSION_CLOSE;
	accept_all(place);
	return SESSION_PARK;
}

/* The sockets stay until nobody answers any more. */
static void
free_session(struct session **session)
{
	*session = NULL;
}

static const struct session_type type = { "names-loopback", run, free_session };

void
loopback_serve(struct lot *lot)
{
	for (size_t i = 0; i < count; i++) {
		if (!places[i].is_stream) {
			datagram_serve_loopback(lot, &places[i].fd);
			continue;
		}
		places[i].session = (struct session){ .type = &type,
			.fd = places[i].fd, .second_fd = -1,
			.deadline = INT64_MAX, .is_own_work = true };
		lot_add(lot, &places[i].session);
	}
}

void
loopback_close(void)
{
	while (count > 0)
		file_close(&places[--count].fd);
}
