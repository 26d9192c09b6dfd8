/*
 * The file dns_tsig_keys: a key a line, NAME ALGORITHM SECRET, the secret in base
 * 64. A line may be empty, or a comment that begins with #.
 */
#ifndef PROTO_TSIG_KEYS_H
#define PROTO_TSIG_KEYS_H

#include "base/error.h"
#include "proto/tsig.h"

enum { TSIG_KEYS = 256, TSIG_KEYS_FILE = 1 << 18 };	/* keys, octets */

struct tsig_keys {
	size_t count;
	struct tsig_key key[TSIG_KEYS];
};

/* -1 with a sentence that begins with the file and the line, and never has a
 * secret in it. `keys` is what it was then. */
int
tsig_keys_read(struct span text, const char *file, struct tsig_keys *keys,
	struct error *error);

/* NULL: there is none of that name. Borrowed. */
const struct tsig_key *
tsig_keys_find(const struct tsig_keys *keys, const struct dns_name *name);

/* Wipes the secrets and frees. */
void
tsig_keys_free(struct tsig_keys **keys);

#endif
