/*
 * One zone from one nameserver, by TCP: its serial; when that is newer than ours
 * what has changed since (IXFR), and when that cannot be had or does not fit
 * what we have, the whole zone (AXFR). What comes of it is whole, or nothing
 * does. With a key questions are signed and each answer must be, to its end
 * (RFC 8945 5.3.1). Blocks until the deadline at most.
 */
#ifndef NAMES_FETCH_ZONE_H
#define NAMES_FETCH_ZONE_H

#include "names/peers.h"
#include "names/zone.h"

enum {
	FETCH_DEADLINE = 120000,	/* ms for one zone from one primary, */
	FETCH_SILENCE = 10000,		/* and in which something must come */
};

struct fetch {
	const struct peer *server;
	const struct dns_name *origin;
	const struct zone *has;		/* what we have; NULL: nothing */
	/* What came: NULL: what we have is as new; else the caller's. */
	struct zone *zone;
	bool is_change;			/* as differences (RFC 1995) */
	size_t octets;			/* of the transfer that was taken */
};

/* -1 with a sentence: an older zone than ours is such a failure, too. */
int
fetch_zone(struct fetch *fetch, struct error *error);

#endif
