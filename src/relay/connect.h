/*
 * TCP connections to mail servers. Never blocks beyond the deadline.
 */
#ifndef RELAY_CONNECT_H
#define RELAY_CONNECT_H

#include "base/error.h"
#include "relay/parameters.h"

/*
 * A connected, non-blocking socket to the address and its port, from the
 * configured source address of its family. -1 with ERROR_TIMEOUT, or
 * ERROR_SYSTEM and .number: the text says what the network said
 * ("connection refused").
 */
int
connect_open(const struct network_address *address,
	const struct parameters *settings, int64_t deadline,
	struct error *error);

/*
 * Has this machine the address? Asks the kernel where a datagram would come
 * from; nothing is sent. False when that cannot be known.
 */
bool
connect_is_local(const struct network_address *address);

#endif
