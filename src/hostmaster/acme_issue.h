/*
 * One attempt to get a certificate, straight down (RFC 8555 7): directory,
 * account, order, authorizations, certificate. What was begun is written down
 * on the way, so that another process goes on with it.
 */
#ifndef HOSTMASTER_ACME_ISSUE_H
#define HOSTMASTER_ACME_ISSUE_H

#include "hostmaster/acme_client.h"
#include "serve/key_call.h"
#include "trust/acme_state.h"

enum { ACME_ATTEMPT_TIMEOUT = 900000 };	/* ms */

/* What the configuration wants. */
struct acme_plan {
	struct span directory;		/* empty: nothing is to be got */
	struct span email;		/* or empty */
	enum acme_challenge_type challenge[ACME_CHALLENGE_TYPES];
	size_t challenges;		/* at least one */
	struct span names[ACME_NAMES];
	size_t count;			/* at least one */
	size_t size;			/* octets of all of them */
};

/* A name that the authority looked at and did not validate. */
struct acme_failed {
	struct span name, reason;	/* in the arena */
};

struct acme_outcome {
	struct acme_failed failed[ACME_NAMES];
	size_t failed_count;		/* the error is of the last of them */
	bool is_ours;			/* the authority was not to blame */
	bool wants_person;		/* it will not pass by itself */
	int64_t wait;			/* ms the authority asked for */
};

/*
 * 0: the certificate is in use, in *state and on disk. -1: error has a
 * sentence, the state may be further than before. What *state points to is in
 * the arena. Blocks ACME_ATTEMPT_TIMEOUT at most.
 */
int
acme_issue(const struct acme_plan *plan, struct arena *arena,
	struct acme_state *state, struct acme_outcome *outcome,
	struct error *error);

/* The key for the next certificate is there; its name is in the state. */
int
acme_issue_next_key(struct acme_state *state, struct arena *arena,
	struct key_public *public_key, struct error *error);

#endif
