/* Opening connections; connect.h. */
#include "relay/connect.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"

static int
bind_source(int fd, const struct network_address *address,
	const struct parameters *settings, struct error *error)
{
	struct sockaddr_storage source;
	const struct network_address *from = address->family == AF_INET ?
		&settings->bind4 : &settings->bind6;
	if (from->family == 0)
		return 0;
	socklen_t size = network_address_to_socket(from, &source);
	if (bind(fd, (struct sockaddr *)&source, size) < 0)
		return error_set_errno(error, "binding to %s",
			from->family == AF_INET ? "smtp_bind_address" :
			"smtp_bind_address6");
	return 0;
}

static int
await(int fd, int64_t deadline, struct error *error)
{
	struct pollfd slot = { .fd = fd, .events = POLLOUT };
	int number = 0, n;
	socklen_t size = sizeof(number);
	do {
		n = poll(&slot, 1, clock_until(deadline));
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return error_set(error, ERROR_TIMEOUT, "it does not answer");
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size) < 0)
		number = errno;
	errno = number;
	return number == 0 ? 0 : error_set_errno(error, "connecting");
}

static int
connect_socket(int fd, const struct network_address *address,
	const struct parameters *settings, int64_t deadline,
	struct error *error)
{
	const int yes = 1;
	struct sockaddr_storage to;
	socklen_t size = network_address_to_socket(address, &to);
	if (bind_source(fd, address, settings, error) < 0)
		return -1;
	/* Commands are written whole; waiting for more would only delay. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (connect(fd, (struct sockaddr *)&to, size) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return error_set_errno(error, "connecting");
	return await(fd, deadline, error);
}

int
connect_open(const struct network_address *address,
	const struct parameters *settings, int64_t deadline,
	struct error *error)
{
	int fd = socket(address->family, SOCK_STREAM | SOCK_CLOEXEC |
		SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set_errno(error, "making a socket");
	if (connect_socket(fd, address, settings, deadline, error) < 0)
		file_close(&fd);
	return fd;
}

bool
connect_is_local(const struct network_address *address)
{
	struct sockaddr_storage to, from;
	socklen_t size = network_address_to_socket(address, &to);
	socklen_t room = sizeof(from);
	int fd = socket(address->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && connect(fd, (struct sockaddr *)&to, size) == 0 &&
		getsockname(fd, (struct sockaddr *)&from, &room) == 0;
	file_close(&fd);
	if (!ok)
		return false;
	struct network_address own = network_address_from(
		(struct sockaddr *)&from, room);
	return own.family == address->family && memcmp(own.bytes,
		address->bytes, own.family == AF_INET ? 4 : 16) == 0;
}
