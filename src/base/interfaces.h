/*
 * Where to listen: what inet_interfaces and inet_protocols mean. Host names are
 * looked up, which may block; only master and the command do that.
 */
#ifndef BASE_INTERFACES_H
#define BASE_INTERFACES_H

#include <sys/socket.h>

#include "base/config.h"

enum { INTERFACES_LIMIT = 32, INTERFACES_TEXT_SIZE = 80 };

struct interfaces {
	struct sockaddr_storage address[INTERFACES_LIMIT];
	/* `all` and loopback-only: a host without IPv6 is fine */
	bool may_be_missing[INTERFACES_LIMIT];
	size_t count;
};

/* Of AF_INET and AF_INET6: is it among inet_protocols? An empty list has
 * both. Other families are in none. */
bool
interfaces_has_family(const struct config *config, int family);

/* One sentence when a name is unknown or has no address of a wanted family. */
int
interfaces_find(struct interfaces *interfaces, const struct config *config,
	struct error *error);

/* "192.0.2.1:25" or "[2001:db8::1]:25" */
void
interfaces_format(const struct sockaddr_storage *address, unsigned port,
	char out[INTERFACES_TEXT_SIZE]);

#endif
