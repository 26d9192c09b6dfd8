/*
 * UDP and TCP on the loopback (RFC 1035 4.2, RFC 7766).
 */
#include "names/loopback.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "names/inquirer.h"

enum { PLACES = 4, BACKLOG = 64 };

/* One socket. */
struct place {
	struct session session;		/* first */
	int fd;
	bool is_stream;
};

/* A question that came by UDP. */
struct datagram {
	struct message_question question;
	int fd;
	struct sockaddr_storage client;
	socklen_t client_size;
};

static struct place places[PLACES];
static size_t count;
static struct resolver *resolver;

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
loopback_open(unsigned port, struct error *error)
{
	static const int families[] = { AF_INET, AF_INET6 };
	for (size_t i = 0; port != 0 && i < PLACES; i++) {
		int kind = i % 2 == 0 ? SOCK_STREAM : SOCK_DGRAM;
		int family = families[i / 2];
		int fd = open_place(family, kind, port);
		if (fd < 0 && family == AF_INET6 &&
		    (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
			return 0;
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
send_answer(const struct datagram *datagram,
	const struct message_answer *answer)
{
	struct buffer out;
	size_t limit = datagram->question.udp_size < DNS_UDP_MOST ?
		datagram->question.udp_size : DNS_UDP_MOST;
	buffer_init(&out, 0);
	message_write(&out, limit, &datagram->question, answer);
	/* who did not get it asks again */
	sendto(datagram->fd, out.data, out.size, MSG_DONTWAIT,
		(const struct sockaddr *)&datagram->client,
		datagram->client_size);
	buffer_fini(&out);
}

/* By the resolver. */
static void
take_answer(void *context, const struct message_answer *answer)
{
	send_answer(context, answer);
	memory_free(context);
}

static void
take_datagram(const struct datagram *received, struct span bytes)
{
	struct datagram *datagram = memory_new(sizeof(*datagram));
	*datagram = *received;
	if (!message_read(bytes, &datagram->question)) {
		memory_free(datagram);
		return;
	}
	if (datagram->question.refusal != 0) {
		take_answer(datagram, NULL);
		return;
	}
	/* too many are under way: whoever asked asks again */
	if (!resolver_ask(resolver, &datagram->question.asked, true,
		take_answer, datagram))
		memory_free(datagram);
}

static void
receive_all(struct place *place)
{
	char bytes[INQUIRER_MESSAGE_LIMIT];
	for (;;) {
		struct datagram datagram = { .fd = place->fd,
			.client_size = sizeof(datagram.client) };
		ssize_t n = recvfrom(place->fd, bytes, sizeof(bytes), 0,
			(struct sockaddr *)&datagram.client,
			&datagram.client_size);
		if (n < 0)
			return;
		take_datagram(&datagram, span_of(bytes, (size_t)n));
	}
}

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
	if (place->is_stream)
		accept_all(place);
	else
		receive_all(place);
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
loopback_serve(struct lot *lot, struct resolver *given)
{
	resolver = given;
	for (size_t i = 0; i < count; i++) {
		places[i].session = (struct session){ .type = &type,
			.fd = places[i].fd, .second_fd = -1,
			.deadline = INT64_MAX };
		lot_add(lot, &places[i].session);
	}
}

void
loopback_close(void)
{
	while (count > 0)
		file_close(&places[--count].fd);
}
