/* Sockets that are listened on; see listening.h. */
#include "base/listening.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"

enum { BACKLOG = 1024, DATAGRAM_ROOM = 1 << 20 };

static void
set_options(int fd, int family, int type)
{
	int one = 1;
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (type == SOCK_STREAM) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		/* accepted connections inherit it: replies are written whole */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		return;
	}
	int room = DATAGRAM_ROOM;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one,
			sizeof(one));
	else
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one));
}

static void
set_shared(int fd, int is_shared)
{
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &is_shared,
		sizeof(is_shared));
}

static int
listen_at(const struct sockaddr_storage *address, unsigned port, int type,
	bool is_shared)
{
	struct sockaddr_storage place = *address;
	socklen_t size = sizeof(struct sockaddr_in);
	if (address->ss_family == AF_INET6) {
		((struct sockaddr_in6 *)&place)->sin6_port =
			htons((uint16_t)port);
		size = sizeof(struct sockaddr_in6);
	} else {
		((struct sockaddr_in *)&place)->sin_port =
			htons((uint16_t)port);
	}
	int fd = socket(address->ss_family,
		type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	set_options(fd, address->ss_family, type);
	set_shared(fd, is_shared);
	if (bind(fd, (struct sockaddr *)&place, size) < 0 ||
	    (type == SOCK_STREAM && listen(fd, BACKLOG) < 0)) {
		int number = errno;
		file_close(&fd);
		errno = number;
	}
	return fd;
}

int
listening_inet(const struct sockaddr_storage *address, unsigned port,
	int type)
{
	return listen_at(address, port, type, false);
}

int
listening_inet_beside(const struct sockaddr_storage *address, unsigned port,
	int type, const int *ours, size_t count)
{
	for (size_t i = 0; i < count; i++)
		set_shared(ours[i], true);
	return listen_at(address, port, type, true);
}

int
listening_unix(int directory, const char *name, int type, unsigned mode,
	struct error *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	/* the directory's own path may be longer than sun_path */
	snprintf(address.sun_path, sizeof(address.sun_path),
		"/proc/self/fd/%d/%s", directory, name);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set_errno(error, "making a socket");
	unlinkat(directory, name, 0);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fchmodat(directory, name, (mode_t)mode, 0) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		error_set_errno(error, "runtime_directory: listening on the "
			"socket %s", name);
		file_close(&fd);
	}
	return fd;
}

bool
listening_is_ours(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
		(peer.uid == 0 || peer.uid == geteuid());
}
