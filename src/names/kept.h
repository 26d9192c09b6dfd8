/*
 * Zones of other nameservers over restarts (dns_secondary_file), so that they
 * are answered while no primary is there. One file, written through one
 * descriptor: a zone lies in a row of blocks, and its next version in another
 * row, on disk before the old one is given up. A crash leaves the old one, the
 * new one, or both, of which the greater number counts.
 *
 * Block 0: "PHzones1" and a key of 16 octets. A row: "PHzone1\n", number,
 * octets of the body and serial (32 bits), expire, when it was kept, size and
 * octets of the origin, SipHash of all that and the body, at KEPT_CONFIRMED when a primary
 * last confirmed it, with a hash of its own, and at KEPT_BODY the records.
 * Little-endian. The key keeps what a primary writes into a zone from looking
 * like a row.
 */
#ifndef NAMES_KEPT_H
#define NAMES_KEPT_H

#include "base/error.h"
#include "names/zone.h"

enum {
	KEPT_BLOCK = 4096,
	KEPT_CONFIRMED = 2048, KEPT_BODY = 2080,	/* in the first block */
	KEPT_ZONE = 256 << 20,		/* octets of a body; more is not kept, */
	KEPT_ALL = 1 << 30,		/* nor what makes the file longer */
};

/*
 * The file, whose descriptor stays the caller's and open until kept_close. What
 * is not whole, or has expired at `now` (s since 1970), is forgotten. -1, or a
 * negative descriptor: nothing is kept.
 */
int
kept_open(int fd, int64_t now, struct error *error);
void
kept_close(void);

/* The zone as it was kept, and how long ago a primary confirmed it, in seconds;
 * NULL: it is not there. */
struct zone *
kept_load(const struct dns_name *origin, int64_t now, int64_t *age);

/* Its octets, when it is on disk in the place of the version before; -1: it is
 * not. `expire` in seconds. */
int64_t
kept_put(const struct zone *zone, int64_t expire, int64_t now,
	struct error *error);

/* A primary says that this version is the newest. False: that is not the one
 * that is kept. Not synced: an older time is no harm. */
bool
kept_confirm(const struct zone *zone, int64_t now);

#endif
