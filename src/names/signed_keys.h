/*
 * The keys of one signed zone: what is remembered of them (kind "dnssec",
 * remembered.h), and calls to `key`, which has them. Runs on the signer's
 * thread, but for recalling.
 */
#ifndef NAMES_SIGNED_KEYS_H
#define NAMES_SIGNED_KEYS_H

#include "names/rollover.h"
#include "names/signing.h"

struct signed_keys {
	bool has_any;
	struct rollover rollover;
	/* DNSKEY data of .key and .next, and whose it is; "": not asked yet */
	char known[SIGNING_KEYS][ROLLOVER_NAME];
	uint8_t data[SIGNING_KEYS][CANONICAL_DNSKEY];
};

void
signed_keys_start(struct lot *lot);
void
signed_keys_stop(void);

bool
signed_keys_are_remembered(const struct dns_name *origin);
/* None: .has_any is false. */
void
signed_keys_recall(const struct dns_name *origin, struct signed_keys *keys);
int
signed_keys_remember(const struct dns_name *origin,
	const struct signed_keys *keys, struct error *error);

/* A key of that name, with another key tag than its predecessor; remembered
 * before it is used. */
int
signed_keys_make_first(const struct dns_name *origin,
	struct signed_keys *keys, int64_t now, struct error *error);
int
signed_keys_make_next(const struct dns_name *origin, struct signed_keys *keys,
	struct error *error);

int
signed_keys_drop(const char *name, struct error *error);
/* Drops all of them, and forgets that there were any. */
int
signed_keys_forget(const struct dns_name *origin, struct signed_keys *keys,
	struct error *error);

/* What signs, and how, in this phase; asks `key` once for each. */
int
signed_keys_public(struct signed_keys *keys,
	struct signing_key made[SIGNING_KEYS], size_t *count,
	struct error *error);
bool
signed_keys_known(const struct signed_keys *keys, const char *name);

/* signing_function; no context. */
int
signed_keys_sign(void *context, const char *key,
	struct key_signature *signatures, size_t count, struct error *error);

#endif
