/*
 * Which records a mail domain needs in the DNS so that mail arrives, is
 * believed, and clients set themselves up: facts in, records out. Pure: no
 * I/O, no clock. Used by hostmaster, which publishes them, and by the operator's
 * commands, which print them and compare them with what the world answers.
 */
#ifndef TRUST_DOMAIN_RECORDS_H
#define TRUST_DOMAIN_RECORDS_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/network.h"
#include "trust/mta_sts.h"

enum {
	DOMAIN_RECORDS_KEYS = 8, DOMAIN_RECORDS_LIMIT = 160,
	DOMAIN_RECORDS_ADDRESSES = 16, DOMAIN_RECORDS_STS_AGE = 604800,
};

/* Services that a record may name; where each is open, 0: it is not. */
enum domain_service {
	DOMAIN_SMTP, DOMAIN_SUBMISSION, DOMAIN_SUBMISSIONS, DOMAIN_IMAP,
	DOMAIN_IMAPS, DOMAIN_POP3, DOMAIN_POP3S, DOMAIN_HTTPS, DOMAIN_SERVICES
};

struct domain_dkim {
	struct span selector;		/* "2026a" */
	struct span record;		/* "v=DKIM1; ..." */
};

/* Names in A-labels, lower case, without the last dot. */
struct domain_facts {
	struct span domain, host;	/* host: of the MX, whose TLS it is */
	/* The domain stands below another one of ours, which says for it what
	 * holds for both (DMARC, TLS reports, how clients find us). */
	bool is_below;
	/* The domain is a zone that has nothing else: SOA and NS too. */
	bool is_zone;
	const struct network_address *address;	/* of the host */
	size_t address_count;
	/* SHA-256 of the SubjectPublicKeyInfo of the certificates: those used and
	 * those that come next. */
	const uint8_t (*key)[32];
	size_t key_count;
	uint16_t port[DOMAIN_SERVICES];
	enum mta_sts_mode sts_mode;	/* MTA_STS_NONE: no policy */
	const struct domain_dkim *dkim;
	size_t dkim_count;
	bool has_relayhost;		/* others send our mail too */
	struct span report;		/* address for reports; empty: none */
	uint32_t ttl;			/* seconds */
};

struct domain_record {
	struct span owner;		/* as names above */
	const char *type;		/* "MX" */
	struct span data;		/* as in a zone file, its names absolute */
	uint32_t ttl;
	const char *reason;		/* a sentence: what it is for */
	bool is_optional;		/* mail flows without it */
};

struct domain_records {
	struct domain_record *record;	/* in the order of their importance */
	size_t count;
};

/* Everything is in the arena or was in the facts. */
void
domain_records_find(const struct domain_facts *facts, struct arena *arena,
	struct domain_records *records);

/* Appends the lines of a zone file, their owners relative to the domain. */
void
domain_records_print(const struct domain_records *records, struct span domain,
	struct buffer *out);

/* The MTA-STS policy of the host (RFC 8461 3.2), as it is served. */
struct span
domain_records_policy(enum mta_sts_mode mode, struct span host,
	struct arena *arena);

/* The id of its TXT record: another for every other policy (3.1). */
struct span
domain_records_policy_id(struct span policy, struct arena *arena);

/* Is it the name, or below it? Both as in the facts. */
bool
domain_records_is_below(struct span name, struct span domain);

#endif
