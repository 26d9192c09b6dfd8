/* Sockets that are listened on: O_NONBLOCK and O_CLOEXEC. */
#ifndef BASE_LISTENING_H
#define BASE_LISTENING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/error.h"

/* A socket at the address (IPv4 or IPv6), at this port: TCP, or UDP (type
 * SOCK_DGRAM), which then says of each datagram where it was sent to. -1 with
 * errno. */
int
listening_inet(const struct sockaddr_storage *address, unsigned port,
	int type);

/*
 * The same, although `ours` listen at addresses that overlap: 127.0.0.1 and
 * 0.0.0.0. All have the port from then on, and the most exact one is given
 * what comes (SO_REUSEPORT, of one user's sockets that have all said so).
 */
int
listening_inet_beside(const struct sockaddr_storage *address, unsigned port,
	int type, const int *ours, size_t count);

/* A Unix socket with this name in the directory, in place of what has it. */
int
listening_unix(int directory, const char *name, int type, unsigned mode,
	struct error *error);

/* The other end of a Unix socket is root, or who runs this process. */
bool
listening_is_ours(int fd);

#endif
