/*
 * Names that are left out of orders: one that an authority could not validate
 * would be the end of the order for all the others (RFC 8555 7.1.6), so it is
 * tried again by itself, ever more rarely, while the others have their
 * certificate. Without I/O; time is a parameter.
 */
#ifndef TRUST_ACME_LEFT_H
#define TRUST_ACME_LEFT_H

#include "trust/acme_state.h"

/* Takes those out of `names` that are left out until after `now`. The first,
 * which is the mail host, stays. */
void
acme_left_apply(const struct acme_state *state, int64_t now,
	struct span *names, size_t *count);

/* The name is left out from `now` on, longer with each time (acme_retry_delay
 * with `first`). What `name` and `reason` point to has to stay. Returns how
 * many ms it is, 0 when there is no room. */
int64_t
acme_left_add(struct acme_state *state, const struct acme_state_left *left,
	int64_t now, int64_t first, uint64_t random);

/* It has a certificate. */
void
acme_left_forget(struct acme_state *state, struct span name);

/* Forgets those that nobody wants any more. */
void
acme_left_keep(struct acme_state *state, const struct span *names,
	size_t count);

/* How often in a row the name has failed. */
uint64_t
acme_left_failures(const struct acme_state *state, struct span name);

/* When the next of them is tried again; INT64_MAX: there is none. */
int64_t
acme_left_until(const struct acme_state *state);

#endif
