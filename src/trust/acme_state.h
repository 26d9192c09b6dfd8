/*
 * What is kept of ACME over a restart (acme_chain_file, a state file that
 * hostmaster writes and tls reads): the certificate in use, the account, what
 * is under way, and the certificates that answer challenges. Lines of
 * proto/tabline.h, the first of them "posthouse-acme\t1".
 */
#ifndef TRUST_ACME_STATE_H
#define TRUST_ACME_STATE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "trust/acme_read.h"

enum { ACME_STATE_LIMIT = 512 << 10 };

/* tls-alpn-01: who asks for this name with acme-tls/1 gets this. */
struct acme_state_challenge {
	struct span name, key, certificate;	/* the last in DER */
};

/* A name that the authority did not validate: not ordered before `until`. */
struct acme_state_left {
	struct span name, reason;
	int64_t until;			/* wall ms */
	uint64_t failures;		/* in a row */
};

struct acme_state {
	/* The account at this directory; empty: none. */
	struct span directory, account;
	/* In use: its key in `key`, and the chain in PEM. Empty: none. */
	struct span key, chain;
	/* The key of the certificate before it, and of the one to come. */
	struct span old_key, next_key;
	/* Under way: the order's URL, and for which names. */
	struct span order, order_names;
	/* Wall ms; 0: not set. When it is to be renewed, and before when nothing
	 * is tried. */
	int64_t renewal, retry;
	uint64_t failures;		/* in a row */
	struct span trouble;		/* of the last attempt, a sentence; or empty */
	struct acme_state_challenge challenge[ACME_NAMES];
	size_t challenges;
	struct acme_state_left left[ACME_NAMES];	/* see acme_left.h */
	size_t lefts;
};

void
acme_state_write(const struct acme_state *state, struct buffer *out);

/* Of a whole blob; empty is a state without anything. Everything is in the
 * arena or part of `blob`. False when it is no such thing. */
bool
acme_state_read(struct span blob, struct arena *arena,
	struct acme_state *state);

/* ---- when ---- */

/*
 * When a certificate is to be renewed: at a random time of the window that the
 * authority suggests (RFC 9773 4.2), or when two thirds of its time are over, less
 * up to a thirtieth of it by chance, so that not all come at once.
 */
int64_t
acme_renewal_time(int64_t not_before, int64_t not_after,
	const struct acme_window *window, uint64_t random);

/* ms until the next attempt after so many failures in a row (at least 1):
 * `first`, doubled with each, a day at most, and up to a quarter more by
 * chance; never less than `wanted`, for which the other side asked. */
int64_t
acme_retry_delay(uint64_t failures, int64_t first, int64_t wanted,
	uint64_t random);

enum { ACME_DAY = 86400000 };		/* ms; nobody makes us wait longer */

#endif
