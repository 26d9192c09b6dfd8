/*
 * Records that hostmaster contributes to zones (wire names-records): texts as
 * in zone files, each for an origin and with a tag. They go into the deepest
 * zone of dns_zones that their origin is in, where the administrator's own
 * records win; without one their origin, or the highest above it that has such
 * records, is a zone of its own.
 */
#ifndef NAMES_PARTS_H
#define NAMES_PARTS_H

#include "names/zone_text.h"

enum {
	PARTS_TEXT_LIMIT = 32768,	/* bytes of one */
	PARTS_TAG_LIMIT = 31,
	PARTS_LIMIT = 16384,		/* of them in all */
};

struct part {
	struct dns_name origin, target;	/* target: the zone that it goes into */
	struct span tag, text;
	bool has_file;			/* the target has */
};

/* All of them, as they are remembered. */
struct parts {
	struct arena arena;
	struct part *part;
	size_t count;
};

void
parts_collect(struct parts *parts);
void
parts_free(struct parts *parts);

/* There is a zone file for this origin: parts whose origin is in it go there,
 * unless a deeper one takes them. */
void
parts_aim(struct parts *parts, const struct dns_name *file_origin);

/* After that: those that no file takes go into the zone of the highest origin
 * among them that is above theirs. */
void
parts_aim_rest(struct parts *parts);

/* Replaces what this tag had for the origin; an empty text removes it. True:
 * that was a change. Not on disk before remembered_save. */
bool
parts_put(const struct dns_name *origin, struct span tag, struct span text);

/* As it stands now; false: there is none. */
bool
parts_get(const struct dns_name *origin, struct span tag, struct arena *arena,
	struct span *text);

/*
 * Adds to the zone the records of all parts that go into it. What the zone had
 * before wins: per name and type, of TXT per kind (the first word, as
 * "v=spf1"); nothing is added at or below a delegation or a DNAME, beside a
 * CNAME, nor a CNAME beside others. *added: how many. -1: one of them cannot be
 * read; the zone is then of no use.
 */
int
parts_merge(const struct parts *parts, struct zone_text *zone, size_t *added,
	struct error *error);

#endif
