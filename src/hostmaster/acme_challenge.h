/*
 * Answers to challenges (RFC 8555 8.3, 8.4, RFC 8737): prepared where the
 * authority will look, and taken away again. What is prepared is named by the
 * authority only as a token; the name is one that we asked for.
 */
#ifndef HOSTMASTER_ACME_CHALLENGE_H
#define HOSTMASTER_ACME_CHALLENGE_H

#include "base/error.h"
#include "trust/acme_state.h"

struct acme_task {
	enum acme_challenge_type type;
	struct span name, token;
	struct span authorization;	/* the key authorization, 8.1 */
};

/* Returns when whoever asks finds it. -1: this way is not open here, with the
 * reason. The state is changed and stored for tls-alpn-01. */
int
acme_challenge_provide(const struct acme_task *task, struct acme_state *state,
	struct error *error);

/* After the authority has looked, or will not any more. */
void
acme_challenge_withdraw(const struct acme_task *task,
	struct acme_state *state);

/* What is left of a process that died in the middle. */
void
acme_challenge_clear(struct acme_state *state);

/* http-01: what stands at /.well-known/acme-challenge/TOKEN (RFC 8555 8.3);
 * false when there is nothing. Any thread. */
bool
acme_challenge_answer(struct span token, struct arena *arena,
	struct span *answer);

#endif
