/* See doctor_client.h. */
#include "ctl/doctor_client.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

static int
wait_for(struct doctor_client *client, short events, struct error *error)
{
	struct pollfd slot = { .fd = client->fd, .events = events };
	if (poll(&slot, 1, clock_until(client->deadline)) > 0)
		return 0;
	return error_set(error, ERROR_TIMEOUT, "no answer in time");
}

static socklen_t
set_port(struct sockaddr_storage *address, unsigned port)
{
	if (address->ss_family == AF_INET) {
		((struct sockaddr_in *)address)->sin_port =
			htons((uint16_t)port);
		return sizeof(struct sockaddr_in);
	}
	((struct sockaddr_in6 *)address)->sin6_port = htons((uint16_t)port);
	return sizeof(struct sockaddr_in6);
}

static int
bind_to(int fd, const struct network_address *source)
{
	struct sockaddr_in six = { .sin_family = AF_INET };
	struct sockaddr_in6 sixteen = { .sin6_family = AF_INET6 };
	memcpy(&six.sin_addr, source->bytes, 4);
	memcpy(&sixteen.sin6_addr, source->bytes, 16);
	return source->family == AF_INET ?
		bind(fd, (struct sockaddr *)&six, sizeof(six)) :
		bind(fd, (struct sockaddr *)&sixteen, sizeof(sixteen));
}

static int
connect_now(struct doctor_client *client,
	const struct sockaddr_storage *address, socklen_t size,
	struct error *error)
{
	int number = 0;
	socklen_t length = sizeof(number);
	if (connect(client->fd, (const struct sockaddr *)address, size) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return error_set(error, ERROR_SYSTEM, "%s", strerror(errno));
	if (wait_for(client, POLLOUT, error) < 0)
		return -1;
	getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &number, &length);
	return number == 0 ? 0 : error_set(error, ERROR_SYSTEM, "%s",
		strerror(number));
}

int
doctor_client_connect(struct doctor_client *client,
	const struct sockaddr_storage *address, unsigned port,
	const struct network_address *source, int64_t deadline,
	struct error *error)
{
	struct sockaddr_storage where = *address;
	socklen_t size = set_port(&where, port);
	client->tls = NULL;
	client->deadline = deadline;
	client->start = client->size = 0;
	client->fd = socket(where.ss_family,
		SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (client->fd < 0)
		return error_set(error, ERROR_SYSTEM, "%s", strerror(errno));
	int result = source != NULL && bind_to(client->fd, source) < 0 ?
		error_set(error, ERROR_SYSTEM, "%s", strerror(errno)) :
		connect_now(client, &where, size, error);
	if (result < 0)
		doctor_client_close(client);
	return result;
}

void
doctor_client_close(struct doctor_client *client)
{
	SSL_free(client->tls);
	client->tls = NULL;
	file_close(&client->fd);
}

/* ---- TLS ---- */

/* 0: try again. */
static int
wait_tls(struct doctor_client *client, int result, struct error *error)
{
	int code = SSL_get_error(client->tls, result);
	if (code == SSL_ERROR_WANT_READ)
		return wait_for(client, POLLIN, error);
	if (code == SSL_ERROR_WANT_WRITE)
		return wait_for(client, POLLOUT, error);
	const char *reason = ERR_reason_error_string(ERR_get_error());
	ERR_clear_error();
	return error_set(error, ERROR_SYSTEM, "%s", reason != NULL ? reason :
		"the connection was closed");
}

int
doctor_client_encrypt(struct doctor_client *client, SSL_CTX *context,
	const char *host, struct error *error)
{
	client->tls = SSL_new(context);
	if (client->tls == NULL || SSL_set_fd(client->tls, client->fd) != 1 ||
	    SSL_set_tlsext_host_name(client->tls, host) != 1)
		return error_set(error, ERROR_SYSTEM, "preparing TLS");
	for (;;) {
		int result = SSL_connect(client->tls);
		if (result == 1)
			return 0;
		if (wait_tls(client, result, error) < 0)
			return -1;
	}
}

/* ---- bytes ---- */

static int
fill(struct doctor_client *client, struct error *error)
{
	char *at = client->bytes + client->size;
	size_t room = sizeof(client->bytes) - client->size;
	for (;;) {
		ssize_t n = client->tls != NULL ?
			SSL_read(client->tls, at, (int)room) :
			read(client->fd, at, room);
		if (n > 0) {
			client->size += (size_t)n;
			return 0;
		}
		if (client->tls != NULL) {
			if (wait_tls(client, (int)n, error) < 0)
				return -1;
		} else if (n == 0) {
			return error_set(error, ERROR_GONE,
				"the connection was closed");
		} else if (errno != EAGAIN && errno != EINTR) {
			return error_set(error, ERROR_SYSTEM, "%s",
				strerror(errno));
		} else if (wait_for(client, POLLIN, error) < 0) {
			return -1;
		}
	}
}

int
doctor_client_line(struct doctor_client *client, struct span *line,
	struct error *error)
{
	for (;;) {
		struct span unread = span_of(client->bytes + client->start,
			client->size - client->start);
		size_t end = span_find(unread, '\n');
		if (end < unread.size) {
			*line = span_trim(span_first(unread, end));
			client->start += end + 1;
			return 0;
		}
		memmove(client->bytes, unread.data, unread.size);
		client->start = 0;
		client->size = unread.size;
		if (client->size == sizeof(client->bytes))
			return error_set(error, ERROR_DAMAGED,
				"a line is too long");
		if (fill(client, error) < 0)
			return -1;
	}
}

int
doctor_client_say(struct doctor_client *client, const char *text,
	struct error *error)
{
	struct span rest = span_from(text);
	while (rest.size > 0) {
		ssize_t n = client->tls != NULL ? SSL_write(client->tls,
			rest.data, (int)rest.size) :
			send(client->fd, rest.data, rest.size, MSG_NOSIGNAL);
		if (n > 0)
			rest = span_skip(rest, (size_t)n);
		else if (client->tls != NULL) {
			if (wait_tls(client, (int)n, error) < 0)
				return -1;
		} else if ((errno != EAGAIN && errno != EINTR) ||
		    wait_for(client, POLLOUT, error) < 0) {
			return error_set(error, ERROR_GONE,
				"the connection was closed");
		}
	}
	return 0;
}
