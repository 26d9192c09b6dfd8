/*
 * Signing a zone whole (RFC 4035 2, RFC 5155 7.1): the zone as it was read, and
 * keys, make the zone that is served. NSEC3 has no salt and no further
 * iterations (RFC 9276); signatures that are good for long enough are taken
 * over from the zone that was served before, so that little changes. Private
 * keys are elsewhere: whoever calls gives a function that signs.
 */
#ifndef NAMES_SIGNING_H
#define NAMES_SIGNING_H

#include "names/canonical.h"
#include "serve/key_call.h"

enum {
	SIGNING_VALIDITY = 30 * 86400,	/* s that a signature is good for, */
	SIGNING_JITTER = 4 * 86400,	/* less up to so many; */
	SIGNING_REFRESH = 14 * 86400,	/* made anew when so many are left */
	SIGNING_AHEAD = 86400,		/* or a little more: together */
	SIGNING_PAST = 3 * 3600,	/* clocks of others may be slow */
	SIGNING_KEY_TTL = 3600,		/* of DNSKEY, CDS and CDNSKEY, at most */
	SIGNING_KEYS = 2,
};

struct signing_key {
	char name[KEYWIRE_NAME_SIZE];
	uint8_t data[CANONICAL_DNSKEY];
	bool signs_zone;		/* all but DNSKEY, which all keys sign */
	bool is_for_parent;		/* in CDS and CDNSKEY */
};

typedef int
signing_function(void *context, const char *key,
	struct key_signature *signatures, size_t count, struct error *error);

struct signing {
	const struct zone *plain;	/* as it was read */
	const struct zone *before;	/* as it was served; NULL: not */
	const struct signing_key *keys;
	size_t key_count;
	uint32_t serial;
	int64_t now;			/* s since 1970 */
	bool is_leaving;		/* CDS asks for the DS to go (RFC 8078 4) */
	signing_function *sign;
	void *context;
};

/*
 * *zone is the signed one, the caller's; *due, when it is to be signed again.
 * -1: a key did not sign, or the zone cannot be signed.
 */
int
signing_make(const struct signing *signing, struct zone **zone, int64_t *due,
	struct error *error);

/* The zone as it was read, with another serial. */
int
signing_copy(const struct zone *plain, uint32_t serial, struct zone **zone,
	struct error *error);

/* The time to live of its DNSKEY, and the longest of any set of it. */
uint32_t
signing_key_ttl(const struct zone *plain);
uint32_t
signing_longest_ttl(const struct zone *plain);

/* Do they differ in nothing but the serial? */
bool
signing_is_same(const struct zone *a, const struct zone *b);

/* The SOA's numbers, in s: 0 refresh, 1 retry, 2 expire. */
uint32_t
signing_soa_number(const struct zone *zone, unsigned place);

#endif
