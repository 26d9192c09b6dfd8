/*
 * The Sender Rewriting Scheme: mail that an alias forwards to another domain
 * goes out with a reverse-path of ours, so that SPF of the sender's domain does
 * not speak against us, and reports come back through us. What comes back is
 * only believed with our mark, and for SRS_DAYS.
 *
 *	alice@far.test -> SRS0=MARK=TT=far.test=alice@example.test
 *
 * TT is the day, modulo 1024, in base 32; MARK the first 30 bits of
 * HMAC-SHA-256 over day, domain and local part, in base 64 letters that are safe
 * in a local part. An address that is SRS0 of somebody else becomes SRS1, which
 * remembers the host that made it (SRS1=MARK=host==REST).
 */
#ifndef PROTO_SRS_H
#define PROTO_SRS_H

#include "base/arena.h"

enum {
	SRS_DAYS = 21,		/* that an address is good for */
	SRS_SECRET_LIMIT = 256,	/* bytes */
};

/*
 * The address to send with, in the arena; false when it would be too long, or not
 * lead back (then the old one stays). domain: ours. day: since 1970.
 */
bool
srs_forward(struct span secret, struct span address, struct span domain,
	int64_t day, struct arena *arena, struct span *out);

enum srs_verdict {
	SRS_NONE,	/* it is not such an address */
	SRS_BAD,	/* it looks so, but the mark is wrong or it is too old */
	SRS_OK,
};

/* Back: what the local part (of an address of ours) stands for. */
enum srs_verdict
srs_reverse(struct span secret, struct span local, int64_t day,
	struct arena *arena, struct span *out);

#endif
