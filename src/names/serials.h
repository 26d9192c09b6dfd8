/*
 * Serials of zones that change without their file (RFC 1982): they grow with
 * each change, also over restarts. What is remembered of a zone is its last
 * serial and a sum of the records that it was given for.
 */
#ifndef NAMES_SERIALS_H
#define NAMES_SERIALS_H

#include "names/zone_text.h"

/*
 * Gives the zone's SOA a serial: the last one while the records are the same
 * (the SOA that the file has among them), else one that is newer than it and
 * at least the file's and the time (seconds since 1970). With `is_new` also
 * when nothing differs. Without a SOA nothing.
 */
void
serials_set(struct zone_text *zone, bool is_new, int64_t now);

/* A serial greater than all that were ever given for this origin, and at least
 * `least`; on disk when it returns 0. */
int
serials_next(const struct dns_name *origin, uint32_t least, uint32_t *serial,
	struct error *error);

/* Is a newer than b (RFC 1982 3.2)? */
bool
serials_is_newer(uint32_t a, uint32_t b);

#endif
