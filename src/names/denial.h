/*
 * How a signed zone says no: its NSEC3 records (RFC 5155) by hash, or its NSEC
 * records (RFC 4034 4) in canonical order, found ahead; and which of them prove
 * what. Signatures are believed by nobody here: whoever asks looks at them.
 */
#ifndef NAMES_DENIAL_H
#define NAMES_DENIAL_H

#include "names/zone.h"

enum {
	DENIAL_HASH = 20,		/* SHA-1, the only one (RFC 5155 11) */
	DENIAL_ITERATIONS = 150,	/* a zone with more is not denied for:
					 * RFC 9276 3.2 has validators refuse it */
	DENIAL_PROOFS = 4,		/* records of one proof, at most */
	DENIAL_LABEL = 32,		/* of a hash in base32hex */
};

/* Of NSEC3PARAM. */
struct denial_parameters {
	uint16_t iterations;
	uint8_t salt_size, salt[255];
};

struct denial {
	bool is_nsec3;
	struct denial_parameters parameters;
	size_t count;
	/* Nodes that have the records: by hash, or by name. */
	const struct zone_node **node;
	uint8_t (*hash)[DENIAL_HASH];	/* of NSEC3 */
};

/* While a zone is made: finds the records, and for each name that of it. */
void
denial_prepare(struct zone *zone);

/* RFC 5155 5, of a name as on the wire. */
void
denial_hash(const struct denial_parameters *parameters, const uint8_t *name,
	size_t size, uint8_t hash[DENIAL_HASH]);
/* RFC 4648 7, in small letters, without padding. */
void
denial_hash_to_label(const uint8_t hash[DENIAL_HASH],
	char label[DENIAL_LABEL]);

/* The set of a node that is a proof, NSEC3 or NSEC. */
const struct zone_set *
denial_set(const struct zone *zone, const struct zone_node *node);

/* Nodes whose sets are the proof; the same one may be in it twice. */
struct denial_proof {
	unsigned count;
	const struct zone_node *node[DENIAL_PROOFS];
};

/* The name is that of the node, and the type (or DS at a cut) is not there. */
void
denial_no_data(const struct zone *zone, const struct zone_node *node,
	struct denial_proof *proof);
/* The name is not there, below the encloser, which is; nor is a wildcard. */
void
denial_no_name(const struct zone *zone, const struct dns_name *name,
	const struct zone_node *encloser, struct denial_proof *proof);
/* The name is not there, so that the wildcard of the encloser answers; with
 * `is_without_type` that has no such type. */
void
denial_wildcard(const struct zone *zone, const struct dns_name *name,
	const struct zone_node *encloser, bool is_without_type,
	struct denial_proof *proof);

#endif
