/*
 * What is asked of TLS on the way to a host: a function over facts, without
 * questions or connections, so that a table can hold every case.
 *
 *	RFC 7435 opportunistic	RFC 7672 DANE	RFC 8461 MTA-STS
 *	RFC 8689 REQUIRETLS	doc/relay.md has the matrix
 */
#ifndef RELAY_TLS_POLICY_H
#define RELAY_TLS_POLICY_H

#include "base/span.h"
#include "proto/tlswire.h"
#include "trust/dane.h"

/* The words of smtp_tls_security_level and smtp_tls_policy_maps. */
enum tls_level {
	TLS_LEVEL_NONE,		/* never */
	TLS_LEVEL_MAY,		/* where it is offered, unverified */
	TLS_LEVEL_ENCRYPT,	/* always, unverified */
	TLS_LEVEL_DANE,		/* by what the domain publishes: DANE, then
				 * MTA-STS, else as MAY */
	TLS_LEVEL_DANE_ONLY,	/* DANE or nothing */
	TLS_LEVEL_VERIFY,	/* the certificate is the host's */
	TLS_LEVEL_SECURE,	/* the certificate is the next hop's */
};

/* False when it is none of the words. */
bool
tls_level_parse(struct span word, enum tls_level *level);

enum tls_sts {
	TLS_STS_NOT,		/* no policy, or mode "none" */
	TLS_STS_TESTING,
	TLS_STS_ENFORCE,
	TLS_STS_UNKNOWN,	/* it could not be asked for, by our own fault */
};

struct tls_policy_facts {
	enum tls_level level;
	bool needs_tls;			/* REQUIRETLS */
	bool is_mx;			/* the host was found by an MX record */
	bool is_mx_secure;		/* which was validated */
	enum dane_verdict dane;		/* of this host */
	enum tls_sts sts;		/* of the domain */
	bool is_sts_host;		/* the policy names this host */
};

enum tls_wish {
	TLS_NEVER,
	TLS_TRY,	/* when it is not offered or fails: in the clear */
	TLS_MUST,	/* or this host is not used */
	TLS_NOT_THIS_HOST,	/* whatever it offers */
};

struct tls_demand {
	enum tls_wish wish;
	enum tls_verify verify;		/* of MUST; NONE of TRY */
	bool by_next_hop;		/* the certificate must name the next hop */
	bool is_final;			/* NOT_THIS_HOST: never, not later */
	const char *reason;		/* NOT_THIS_HOST, a sentence; else by what:
				 * "DANE", "MTA-STS", "smtp_tls_..." */
};

struct tls_demand
tls_policy_decide(const struct tls_policy_facts *facts);

#endif
