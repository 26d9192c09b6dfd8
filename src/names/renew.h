/*
 * Making what is served anew: all zones, or the one that changed, with serials,
 * NOTIFY, and what must be remembered. One at a time, any thread.
 */
#ifndef NAMES_RENEW_H
#define NAMES_RENEW_H

#include "names/zone_source.h"

/* At the start and on reload: the files of dns_zones. A zone that is wrong
 * stays as it was; that is logged. */
void
renew_all(void);

/* A name's records are these from now on (parts_put), and answered when it
 * returns. *serial: of their zone, 0 when there is none. -1: the text is wrong,
 * and nothing changed. */
int
renew_part(const struct dns_name *origin, struct span tag, struct span text,
	uint32_t *serial, struct error *error);

/* The zone that the name is in, with a new serial, whatever changed. */
int
renew_zone(const struct dns_name *name, struct error *error);

#endif
