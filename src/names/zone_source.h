/*
 * Where zones come from: the files of dns_zones, as master puts them into one,
 * and the records that hostmaster contributes (parts.h). For each zone: text,
 * merge, serial, the zone.
 */
#ifndef NAMES_ZONE_SOURCE_H
#define NAMES_ZONE_SOURCE_H

#include "names/parts.h"
#include "names/zones.h"

/* A mistake in a zone; origin NULL: its name is one. */
typedef void
zone_source_complain(void *context, const struct dns_name *origin,
	const struct error *error);

/*
 * Makes a set. `files`: for each zone a line "ORIGIN FILE SIZE" and SIZE bytes
 * of text (base/tables.h; "texthash" for an origin that the file's name says).
 * `old` (NULL: none) lends its zones to those that cannot be read now; without
 * one the zone answers SERVFAIL. `parts` is aimed at these files; NULL: none.
 * `is_taken`: says of an origin without a file that it comes from elsewhere.
 */
struct zone_source {
	struct span files;
	struct parts *parts;
	bool (*is_taken)(const struct dns_name *origin);	/* or NULL */
	zone_source_complain *complain;
	void *context;
};

struct zones *
zone_source_read(const struct zone_source *source, const struct zones *old);

/* The same of files alone. */
struct zones *
zone_source_read_files(struct span files, const struct zones *old,
	zone_source_complain *complain, void *context);

/*
 * The one zone that records of this name go into: its origin, and the zone, or
 * NULL when there is no such zone (any more). With is_new it gets a new serial
 * in any case. -1: it cannot be made.
 */
int
zone_source_read_one(const struct zone_source *source,
	const struct dns_name *name, bool is_new, struct dns_name *origin,
	struct zone **zone, struct error *error);

#endif
