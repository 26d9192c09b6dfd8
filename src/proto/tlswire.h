/*
 * The wire "tls-connect": what a process wants of the TLS handshake on a
 * connection that it gives away, and what it is told about it. The request is
 * the `unread` part of a handover (serve/handover.h) whose descriptors are the
 * connected socket and one end of a socket pair. The facts are the first bytes
 * on that pair: plain bytes follow when the handshake is done, the end of file
 * when it failed.
 */
#ifndef PROTO_TLSWIRE_H
#define PROTO_TLSWIRE_H

#include "base/arena.h"
#include "base/buffer.h"

enum {
	TLSWIRE_NAME_SIZE = 253,	/* RFC 1035 2.3.4, as text */
	TLSWIRE_NAMES = 16,
	TLSWIRE_TLSA = 64,
	TLSWIRE_TLSA_SIZE = 8192,	/* a whole certificate */
	TLSWIRE_TLSA_TOTAL = 24576,	/* of all records */
	TLSWIRE_PATIENCE_LIMIT = 600000,
	TLSWIRE_FACTS_LIMIT = 1024,
};

enum tls_verify {
	TLS_VERIFY_NONE,	/* encrypt; what is wrong is only told */
	TLS_VERIFY_NAME,	/* a trusted chain and one of the names */
	TLS_VERIFY_DANE,	/* the TLSA records, and for DANE-TA one of the names */
};

/* A TLSA record (RFC 6698 2.1). */
struct tls_tlsa {
	uint8_t usage, selector, matching;
	struct span data;
};

struct tls_connect_request {
	struct span sni;		/* host name in A-labels, or empty */
	/* The certificate is good for any of them. No leading dot. With DANE
	 * the first is the TLSA base domain (RFC 7672 3.2.2). */
	const struct span *names;
	size_t name_count;
	enum tls_verify verify;
	const struct tls_tlsa *tlsa;	/* those that count: trust/dane.h */
	size_t tlsa_count;
	int64_t deadline;		/* monotonic ms, of the handshake */
};

/* The first thing found wrong. With TLS_VERIFY_NONE a connection may have one. */
enum tls_problem {
	TLS_PROBLEM_NONE,
	TLS_PROBLEM_NAME,		/* the certificate is another host's */
	TLS_PROBLEM_EXPIRED,		/* or not yet valid */
	TLS_PROBLEM_NOT_TRUSTED,	/* self-signed, or an unknown issuer */
	TLS_PROBLEM_TLSA,		/* no TLSA record matches */
	TLS_PROBLEM_CERTIFICATE,	/* anything else about the chain */
	TLS_PROBLEM_HANDSHAKE,		/* the other side speaks no TLS of ours */
	TLS_PROBLEM_TIMEOUT,
	TLS_PROBLEM_COUNT
};

struct tls_connect_facts {
	bool is_done;			/* the handshake is; plain bytes follow */
	enum tls_problem problem;
	/* Of the certificate chain; is_dane_ok only with TLS_VERIFY_DANE, and
	 * then is_chain_ok and is_name_ok say nothing that counts. */
	bool is_chain_ok, is_name_ok, is_dane_ok;
	bool is_resumed;		/* verified when the session began */
	bool has_fingerprint;
	uint8_t fingerprint[32];	/* SHA-256 of the certificate */
	char version[16];		/* "TLSv1.3" */
	char cipher[48];
	/* A sentence for logs and reports, printable ASCII: what is wrong. */
	char reason[200];
};

/* Within the limits above, and there is something to verify with? */
bool
tlswire_request_is_valid(const struct tls_connect_request *request);

/* Appends a valid request. `now` is monotonic ms: the time that is left
 * travels, not the deadline. */
void
tlswire_request_encode(struct buffer *out,
	const struct tls_connect_request *request, int64_t now);

/* The whole span; names and records point into it, their arrays live in the
 * arena. False when it is malformed or beyond a limit. */
bool
tlswire_request_decode(struct span in, struct arena *arena, int64_t now,
	struct tls_connect_request *request);

/* May it be a name in a request? Letters, digits, "-", "_", and dots inside. */
bool
tlswire_name_is_valid(struct span name);

void
tlswire_facts_encode(struct buffer *out, const struct tls_connect_facts *facts);

enum tlswire_verdict { TLSWIRE_OK, TLSWIRE_MORE, TLSWIRE_BAD };

/* Decodes off the front of `in`; *consumed is how much of it that was. */
enum tlswire_verdict
tlswire_facts_decode(struct span in, struct tls_connect_facts *facts,
	size_t *consumed);

#endif
