/*
 * A zone on its way to its next version (RFC 1995): a copy of its records, from
 * which records are taken and to which others come. Strangers say which:
 * nothing here depends on their being right. Bytes and memory only.
 */
#ifndef NAMES_AMEND_H
#define NAMES_AMEND_H

#include "base/buffer.h"
#include "names/zone.h"

struct amend_place;

struct amend {
	struct zone_text text;		/* what is removed has type 0 */
	size_t live;			/* of its records */
	struct amend_place *places;	/* where a record stands, by its hash */
	size_t mask, used;
	struct buffer key, other;
};

/* Takes all records of the zone but its SOA. The arena is the caller's. */
void
amend_begin(struct amend *amend, struct arena *arena,
	const struct zone *zone);

/* False: it is not there. Its time to live does not count, nor does case in
 * names (RFC 4034 6.2). */
bool
amend_remove(struct amend *amend, const struct zone_record *record);

/* A copy of it. False: it is there already. */
bool
amend_add(struct amend *amend, const struct zone_record *record);

/* The records as they are now, with that SOA. */
void
amend_take(struct amend *amend, const struct zone_record *soa,
	struct zone_text *text);

/* Frees all but the arena. */
void
amend_fini(struct amend *amend);

#endif
