/*
 * What changed between the last versions of a zone, for IXFR (RFC 1995): made
 * when one version takes the place of another, kept in memory with the newer
 * one. Bytes and memory only.
 */
#ifndef NAMES_HISTORY_H
#define NAMES_HISTORY_H

#include "names/zones.h"

enum { HISTORY_VERSIONS = 8 };		/* changes kept for a zone */

/* From one version to the next; never changes but for .older. */
struct history {
	atomic_uint references;
	struct arena arena;
	uint32_t from;			/* the serial before */
	struct zone_text removed, added;	/* the SOA of each is the first */
	size_t octets, zone_octets;	/* of these records, and of all */
	struct history *older;
};

/* Before `new` is served in the place of `old`: zones that are newer than they
 * were learn what changed. More than half of a zone is no change but another
 * zone. */
void
history_note(const struct zones *old, const struct zones *new);

/*
 * The changes that lead from that serial to the zone, oldest first, each held
 * for the caller. 0: it is not known how, or the whole zone is less.
 */
unsigned
history_find(const struct zone *zone, uint32_t serial,
	struct history *steps[HISTORY_VERSIONS]);

void
history_free(struct history **history);

#endif
