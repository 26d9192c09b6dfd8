/*
 * Zones that we have from other nameservers (dns_secondary_zones): asked for by
 * IXFR or AXFR, told of by NOTIFY or looked for as their SOA says (RFC 1034
 * 4.3.5, RFC 1995, RFC 1996). Some threads do it, each one zone at a time. After
 * a start they are as they were (kept.h) until they expire.
 */
#ifndef NAMES_SECONDARY_H
#define NAMES_SECONDARY_H

#include "names/zones.h"

enum {
	SECONDARY_ZONES = 1024,
	SECONDARY_PRIMARIES = 4,	/* of one zone */
	SECONDARY_THREADS = 4,
	SECONDARY_SLOW = 1000,		/* ms of a look that failed, from which */
	SECONDARY_SLOW_ONES = 2,	/* a zone gets one of so many threads */
	SECONDARY_GAP = 1000,		/* ms between two looks that NOTIFY causes, */
	SECONDARY_LEAST = 2000,		/* that the SOA does at least, */
	SECONDARY_FIRST = 10000,	/* while it was never there, */
	SECONDARY_MOST = 86400000,	/* and at most */
	SECONDARY_KEEP = 256,		/* kept octets for which a zone is not
					 * kept again for a ms: 4 s for a MiB */
};

/* Starts the threads. In the jail. */
void
secondary_start(void);

/* The list; spans are copied. An item that is wrong is logged and left out. */
void
secondary_configure(struct span list);

/* A new set gets those that are configured: as they are in `old`, as they were
 * kept, or not usable yet. A file of the same zone takes precedence. */
void
secondary_add_to(struct zones *zones, const struct zones *old);

/* Is the name in one of them? What is in it the primary decides. */
bool
secondary_covers(const struct dns_name *name);

enum secondary_verdict {
	SECONDARY_UNKNOWN,	/* no such zone */
	SECONDARY_STRANGER,	/* that is not one of its primaries */
	SECONDARY_HEARD,
};

/* Who says so; key NULL: he did not sign it. */
struct secondary_teller {
	const struct network_address *address;
	const struct dns_name *key;
};

/* A NOTIFY, with the serial that it tells (NULL: none), while `zones` are
 * served. Of a primary with a key it must be signed by that. Any thread; does not
 * wait. */
enum secondary_verdict
secondary_hear(const struct zones *zones, const struct dns_name *origin,
	const struct secondary_teller *from, const uint32_t *serial);

#endif
