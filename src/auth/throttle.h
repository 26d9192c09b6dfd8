/*
 * Against guessing: failed logins are counted by account and by client network,
 * and forgotten at a steady rate. Each one makes the next reply slower; beyond
 * a limit logins are refused without looking at the password. From a network
 * from which the account was logged in to lately the limits are wider, so that a
 * stranger cannot lock its owner out, nor one forgetful device its whole office.
 *
 * Names that do not exist are counted like those that do.
 */
#ifndef AUTH_THROTTLE_H
#define AUTH_THROTTLE_H

#include "base/network.h"

enum {
	THROTTLE_ACCOUNT_LIMIT = 10,	/* failures in hand */
	THROTTLE_NETWORK_LIMIT = 20,
	THROTTLE_KNOWN_FACTOR = 5,	/* both, from a known network */
	THROTTLE_FORGET = 30000,	/* ms after which one is forgotten */
	THROTTLE_KNOWN = 30 * 86400,	/* s a network stays known */
	THROTTLE_DELAY_LIMIT = 15000,	/* ms */
	THROTTLE_TABLE_LIMIT = 50000,	/* entries of each table (at most twice) */
};

struct throttle;

struct throttle *
throttle_new(void);
void
throttle_free(struct throttle **throttle);

/* An attempt. `name` is normalised; exempt: the network is not counted
 * (mynetworks). now: monotonic ms. */
struct throttle_attempt {
	struct span name;
	const struct network_address *client;
	bool is_exempt;
	int64_t now;
};

/* May the password be looked at? */
bool
throttle_allows(struct throttle *throttle,
	const struct throttle_attempt *attempt);

/* It was wrong. The ms to keep the reply back, `delay` for the first. */
int64_t
throttle_failed(struct throttle *throttle,
	const struct throttle_attempt *attempt, int64_t delay);

/* It was right: the network is known for this name from now on. */
void
throttle_succeeded(struct throttle *throttle,
	const struct throttle_attempt *attempt);

#endif
