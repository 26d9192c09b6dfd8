/*
 * The caller's side of key-sign (proto/keywire.h) for keys of the ring: make
 * one, ask for its public half, sign many digests, drop it. Which names a
 * program may use is a table of key's.
 */
#ifndef SERVE_KEY_CALL_H
#define SERVE_KEY_CALL_H

#include "proto/keywire.h"
#include "serve/session.h"

enum { KEY_CALL_AHEAD = 32 };	/* requests that wait for their answers */

struct key_caller;
struct key_caller *
key_caller_new(struct lot *lot);
/* Nobody may be using it any more. */
void
key_caller_free(struct key_caller **caller);

/*
 * Each call blocks until its deadline (monotonic ms) at most. -1: ERROR_GONE,
 * there is no such key; ERROR_REFUSED, it is not the caller's; ERROR_FULL, there
 * are too many; else it may be tried again. Not on the housekeeping thread.
 */

/* SubjectPublicKeyInfo (RFC 5280 4.1) in DER. */
struct key_public {
	uint8_t der[KEYWIRE_OUTPUT_SIZE];
	size_t size;
};

/* A P-256 key that is on disk; the one of that name, if there is one. */
int
key_call_make(struct key_caller *caller, const char *name, int64_t deadline,
	struct key_public *public_key, struct error *error);
int
key_call_public(struct key_caller *caller, const char *name,
	int64_t deadline, struct key_public *public_key, struct error *error);

/* No such key: that is fine. */
int
key_call_drop(struct key_caller *caller, const char *name, int64_t deadline,
	struct error *error);

/* One digest, and its ECDSA signature as r and s, 32 octets each (RFC 6605 4,
 * RFC 7518 3.4). */
struct key_signature {
	uint8_t digest[32];
	uint8_t signature[64];
};

/* All of them, or -1 and none is to be used. */
int
key_call_sign(struct key_caller *caller, const char *name,
	struct key_signature *signatures, size_t count, int64_t deadline,
	struct error *error);

#endif
