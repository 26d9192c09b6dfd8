/* What is known of our domains now, all in one place: the configuration, auth's
 * domains, the keys of the certificates, the addresses of the machine. */
#ifndef HOSTMASTER_FACTS_H
#define HOSTMASTER_FACTS_H

#include "hostmaster/domains.h"
#include "hostmaster/tlsa.h"
#include "trust/domain_config.h"

/* Large; it lives in an arena. */
struct facts {
	struct arena *arena;
	struct domain_facts host;	/* what holds for all domains */
	struct network_address address[DOMAIN_RECORDS_ADDRESSES];
	uint8_t key[TLSA_KEYS][CERTIFICATE_KEY_HASH];
	struct span *domain;		/* all of ours, in A-labels */
	size_t count;
};

/* Asks auth until the deadline. -1: it is away, or myhostname is no name. `now`:
 * wall seconds. */
int
facts_find(struct facts *facts, struct arena *arena, int64_t now,
	int64_t deadline, struct error *error);

/* The records of one of them, a name of its own for each; false: none that the
 * world can know. */
bool
facts_records(const struct facts *facts, struct span domain,
	struct domain_facts *found, struct domain_records *records);

/* Is the host's name in one of the domains, in a zone that is signed here? Else
 * nobody goes by TLSA records that we make (RFC 7672 2.2). */
bool
facts_is_signed(const struct facts *facts);

/* A number that changes with addresses and certificates. */
uint64_t
facts_sum(void);

#endif
