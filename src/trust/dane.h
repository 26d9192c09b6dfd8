/*
 * DANE for SMTP (RFC 7672, RFC 7671): which names to ask for TLSA records,
 * what the answers mean for a server, and which records count. The caller asks
 * the questions; nothing here waits.
 *
 *	addresses, alias -> dane_bases -> TLSA answers -> dane_judge
 */
#ifndef TRUST_DANE_H
#define TRUST_DANE_H

#include "base/arena.h"
#include "proto/tlswire.h"

enum { DANE_BASES = 2, DANE_NAMES = 4 };

/* What the DNS said about a name, in the words of RFC 7672 2.1.1. */
enum dane_security {
	DANE_SECURE,		/* validated; "no" too */
	DANE_INSECURE,
	DANE_FAILED,		/* bogus, SERVFAIL, no answer: nobody knows */
};

/* A server's host name and where its address records are. */
struct dane_host {
	struct span name;	/* as the MX record or the configuration says */
	struct span canonical;	/* where aliases lead; the same without one */
	/* Of the address answer with all aliases in it; FAILED only when there
	 * is no usable address at all. */
	enum dane_security addresses;
	/* Of the alias itself (a CNAME answer for the name); not looked at
	 * without one. */
	enum dane_security alias;
};

/*
 * The TLSA base domains to ask, in this order: the first that has a secure
 * TLSA record counts, and one that fails ends it (RFC 7672 2.2.2, 2.2.3).
 * 0: DANE is not for this host.
 */
size_t
dane_bases(const struct dane_host *host, struct span bases[DANE_BASES]);

/* "_25._tcp.mx.example.com" */
struct span
dane_question(struct arena *arena, struct span base, uint16_t port);

enum dane_verdict {
	DANE_NOT,		/* no DANE here: other policies decide */
	DANE_ENCRYPT,		/* TLS must be, nobody can be verified */
	DANE_VERIFY,		/* TLS must be, with these records */
	DANE_LATER,		/* this server is not to be used now */
};

/* The answer for a base domain. */
struct dane_answer {
	enum dane_security security;
	const struct tls_tlsa *records;
	size_t count;		/* 0: there are none */
};

/*
 * The records that count are copied (their data stays where it is) into the
 * arena; *count is 0 but for VERIFY. What is beyond the limits of tlswire.h
 * is left out: with nothing left it is ENCRYPT. (RFC 7672 2.2, 3.1, 3.1.3)
 */
enum dane_verdict
dane_judge(const struct dane_answer *answer, struct arena *arena,
	const struct tls_tlsa **records, size_t *count);

/*
 * The names that a certificate below a DANE-TA record may have, the base
 * domain first (RFC 7672 3.2.2): base, then the next hop and what its aliases
 * led to, which are empty for a host that no MX record named. Each once, none
 * that is no host name.
 */
size_t
dane_names(struct span base, struct span next_hop, struct span next_canonical,
	struct span names[DANE_NAMES]);

#endif
