/*
 * Telling the secondaries (dns_also_notify) that a zone has another serial, by
 * UDP, again and again until they say that they have heard it (RFC 1996), signed
 * with the key of those that have one, as their answers must be (RFC 8945). One
 * session of the lot does it all.
 */
#ifndef NAMES_NOTIFY_H
#define NAMES_NOTIFY_H

#include "names/peers.h"
#include "names/zones.h"
#include "serve/session.h"

enum {
	NOTIFY_TRIES = 6,
	NOTIFY_WAIT = 2000,		/* ms; twice as long after each try */
	NOTIFY_LIMIT = 65536,		/* zones times peers under way */
	NOTIFY_AT_ONCE = 64,		/* sent in one turn; the rest follows */
};

/* Opens its sockets; begins with lot_run. In the jail. */
int
notify_init(struct lot *lot, struct error *error);

/* Whom to tell from now on. */
void
notify_configure(const struct peers *peers);

/* Zones of `new` that are not in `old` (NULL: none) with that serial. */
void
notify_zones(const struct zones *old, const struct zones *new);

#endif
