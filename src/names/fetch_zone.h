/*
 * One zone from one nameserver: its serial, and when that is newer the zone, by
 * one TCP connection. Blocks until the deadline at most.
 */
#ifndef NAMES_FETCH_ZONE_H
#define NAMES_FETCH_ZONE_H

#include "base/network.h"
#include "names/zone.h"

/*
 * `has` is what we have (NULL: nothing). 0 with *zone NULL: that is as new; else
 * *zone is the new one, the caller's. -1 with a sentence. The deadline is
 * monotonic ms.
 */
int
fetch_zone(const struct network_address *server,
	const struct dns_name *origin, const struct zone *has,
	int64_t deadline, struct zone **zone, struct error *error);

#endif
