/*
 * All zones that are served. A set
 * never changes; a reload makes another one and puts it in its place, and who
 * still answers from the old one goes on doing so.
 */
#ifndef NAMES_ZONES_H
#define NAMES_ZONES_H

#include "names/zone.h"

struct zones;

/* An empty one, with one reference. */
struct zones *
zones_new(void);

struct zones *
zones_hold(struct zones *zones);
void
zones_free(struct zones **zones);

size_t
zones_count(const struct zones *zones);

/* The zone of that name; NULL: none. */
const struct zone *
zones_get(const struct zones *zones, const struct dns_name *origin);

/* All of them, in no order. */
void
zones_walk(const struct zones *zones,
	void (*function)(void *context, const struct zone *zone),
	void *context);

/* The zone that the name is in, the deepest of them; NULL: none of ours.
 * *level is the place of its origin in the labels. With `above` set, one whose
 * name it is does not count (DS, RFC 4035 3.1.4.1). */
const struct zone *
zones_find(const struct zones *zones, const struct dns_name *name,
	const struct zone_labels *labels, bool above, unsigned *level);

/* Before a set is served: one zone more (taken), in the place of one of that
 * name. */
void
zones_add(struct zones *zones, struct zone *zone);

/* The same without that zone, if it is there. */
void
zones_remove(struct zones *zones, const struct dns_name *origin);

struct zones *
zones_copy(const struct zones *zones);

/* What is served now; hold and put down again. Any thread. Whoever makes a new
 * set of the current one does it between begin and end: one at a time. */
void
zones_begin_change(void);
void
zones_end_change(void);
struct zones *
zones_current(void);
void
zones_set_current(struct zones *zones);

#endif
