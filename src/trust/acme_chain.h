/*
 * A certificate chain that an ACME server sent (RFC 8555 7.4.2): is it what
 * was asked for, and what must be known of it later. Text of a stranger until
 * acme_chain_read has taken it.
 */
#ifndef TRUST_ACME_CHAIN_H
#define TRUST_ACME_CHAIN_H

#include "base/arena.h"
#include "base/buffer.h"

enum {
	ACME_CHAIN_LIMIT = 65536,	/* bytes of PEM */
	ACME_CHAIN_CERTIFICATES = 8,
};

enum acme_chain_verdict {
	ACME_CHAIN_OK,
	ACME_CHAIN_NONE,		/* no certificate in it, or too many */
	ACME_CHAIN_BROKEN,		/* none issued the one before it */
	ACME_CHAIN_OTHER_KEY,
	ACME_CHAIN_NAME_MISSING,
	ACME_CHAIN_NOT_NOW,		/* not valid yet, or not any more */
	ACME_CHAIN_VERDICTS
};

struct acme_chain {
	int64_t not_before, not_after;	/* wall ms, of the first certificate */
	struct span names;		/* its dNSNames, with blanks between */
	struct span issuer;		/* who it says it is from, visible text */
	struct span id;			/* RFC 9773 4.1; empty: it has none */
	size_t count;
};

struct acme_chain_wish {
	struct span spki;		/* DER of the key; empty: any */
	const struct span *names;	/* each must be in the certificate */
	size_t count;
	int64_t now;			/* wall ms */
};

/*
 * The text of `pem` is read, and when all is right its certificates, and nothing
 * else of it, are appended to *out (NULL: not wanted) as PEM. What *chain points to is
 * in the arena.
 */
enum acme_chain_verdict
acme_chain_read(struct span pem, const struct acme_chain_wish *wish,
	struct arena *arena, struct acme_chain *chain, struct buffer *out);

/* A sentence. */
const char *
acme_chain_words(enum acme_chain_verdict verdict);

#endif
