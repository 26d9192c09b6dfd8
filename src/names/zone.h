/*
 * A zone as it is served: nodes found by name, record sets as on the wire,
 * what belongs to them found ahead. Made whole, then never changed; whoever
 * uses it holds a reference. Terms are those of RFC 1034 4.3 and RFC 9499.
 */
#ifndef NAMES_ZONE_H
#define NAMES_ZONE_H

#include <stdatomic.h>

#include "names/zone_text.h"

enum {
	ZONE_LABELS = 128,		/* of a name, the root's among them */
	ZONE_RELATED = 16,		/* addresses added for one set */
};

/* All records of one type at one name. */
struct zone_set {
	uint16_t type, count;
	uint32_t ttl;
	/* For each record its length (16 bits) and its data, names whole. */
	const uint8_t *data;
	uint32_t size;
	uint32_t line;			/* of the first one in the file */
	/* Where the addresses of the hosts it names are, in this zone. */
	const struct zone_node **related;
	unsigned related_count;
	const struct zone_set *signatures;	/* RRSIGs of it; NULL: none */
};

struct zone_node {
	const uint8_t *name;		/* as on the wire */
	uint8_t name_size;
	bool is_cut;			/* delegated; not the apex */
	bool is_occluded;		/* below a cut or a DNAME: glue, or lost */
	bool is_denial;			/* NSEC3 and nothing else: to questions it
					 * is not there (RFC 5155 7.2.8) */
	const struct zone_set *sets;	/* none: an empty non-terminal */
	unsigned set_count;
	const struct zone_node *parent;	/* NULL: the apex */
	const struct zone_node *wildcard;	/* its child "*" */
	const struct zone_node *denial;	/* has the NSEC3 or NSEC of this name */
	const struct zone_node *no_wildcard;	/* has the NSEC3 that covers "*"
					 * below it; NULL: not known */
	uint64_t hash;
	struct zone_node *next;		/* in its bucket */
	struct zone_node *after;	/* the one that was made after it */
};

struct zone {
	atomic_uint references;
	struct arena arena;
	struct dns_name origin;
	unsigned labels;		/* of it */
	uint64_t hash;			/* of it */
	bool is_part;			/* it has no file: only what others
					 * contributed (parts.h) */
	bool is_usable;			/* else SERVFAIL: it could not be read */
	bool is_signed_here;		/* signing.h */
	uint32_t serial, negative_ttl;
	const struct zone_node *apex;
	const struct zone_set *soa;
	const struct denial *denial;	/* of a signed zone; NULL: none */
	struct history *history;	/* what is new in it (history.h); NULL */
	struct zone_node **nodes;	/* in canonical order, RFC 4034 6.1 */
	size_t node_count;
	struct zone_node **buckets;
	size_t bucket_mask;
	struct zone_node *first_made, *last_made;
};

/* Labels of a name from the left (without the root's), and for each the hash
 * of the name that begins there. */
struct zone_labels {
	unsigned count;
	uint8_t at[ZONE_LABELS];
	uint64_t hash[ZONE_LABELS + 1];	/* the last is the root's */
};

void
zone_labels_find(const struct dns_name *name, struct zone_labels *labels);

/*
 * Makes a zone of the records, with one reference, and takes the arena that
 * they are in. On failure the arena is let alone, and the sentence names file,
 * line, what was found and what was expected.
 */
int
zone_new(struct zone_text *text, struct zone **zone, struct error *error);

/* One that is known only by name: it is ours, and it cannot be answered. */
struct zone *
zone_new_unusable(const struct dns_name *origin);

struct zone *
zone_hold(struct zone *zone);
void
zone_free(struct zone **zone);

/* The node of that name, given the hash of it; NULL: there is none. */
const struct zone_node *
zone_find(const struct zone *zone, const uint8_t *name, size_t size,
	uint64_t hash);

/* How long a record of the set is good for: an RRSIG as long as the set that it
 * covers (RFC 4034 3). `record` is as in the set. */
uint32_t
zone_record_ttl(const struct zone_node *node, const struct zone_set *set,
	const uint8_t *record);

/* RFC 4034 6.1: by labels from the right, a missing one first; <0, 0, >0. */
int
zone_compare_names(const uint8_t *a, const uint8_t *b);

/* NULL: none of that type. */
const struct zone_set *
zone_node_set(const struct zone_node *node, uint16_t type);

#endif
