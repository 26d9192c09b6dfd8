/*
 * The computations of SCRAM with SHA-256 (RFC 5802 3, RFC 7677): the keys that
 * are kept of a password, and the check of a client's proof with them. The
 * password cannot be had back from the keys, nor can a login be made with them
 * by PLAIN.
 */
#ifndef PROTO_SCRAM_H
#define PROTO_SCRAM_H

#include "base/span.h"
#include "proto/sasl.h"

enum {
	SCRAM_SALT_SIZE = 16,
	SCRAM_ITERATIONS = 10000,	/* of new keys; RFC 7677 4: 4096 at least */
	SCRAM_ITERATIONS_LEAST = 4096,
};

struct scram_keys {
	uint8_t salt[SCRAM_SALT_SIZE];
	uint32_t iterations;
	uint8_t stored_key[SCRAM_HASH_SIZE];
	uint8_t server_key[SCRAM_HASH_SIZE];
};

/*
 * Fills stored_key and server_key from the prepared password (saslprep.h) and
 * the salt and iterations that stand in *keys. The expensive step: some
 * milliseconds.
 */
void
scram_derive_keys(struct span password, struct scram_keys *keys);

/* Do both hold the same keys? In constant time. */
bool
scram_keys_are_equal(const struct scram_keys *a, const struct scram_keys *b);

/*
 * Checks ClientProof over the AuthMessage and gives the ServerSignature. In
 * constant time. False: it is not the password.
 */
bool
scram_check_proof(const struct scram_keys *keys, struct span auth_message,
	const uint8_t proof[SCRAM_HASH_SIZE],
	uint8_t signature[SCRAM_HASH_SIZE]);

/* HMAC-SHA-256, for salts of names that do not exist and for memory. */
void
scram_hmac(struct span key, struct span message,
	uint8_t out[SCRAM_HASH_SIZE]);

#endif
