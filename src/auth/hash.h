/*
 * Password hashes that other systems made: crypt(3) strings of shadow files and
 * the {SCHEME} strings of Dovecot and LDAP. Ours are SCRAM keys (password.h).
 * Runs in auth, on what the administrator handed over: sizes, rounds and memory
 * are bounded, so that one line of a file cannot hold up the others.
 */
#ifndef AUTH_HASH_H
#define AUTH_HASH_H

#include "base/error.h"
#include "proto/scram.h"

enum {
	HASH_TEXT_LIMIT = 1024,
	HASH_SALT_LIMIT = 128,
	HASH_DIGEST_LIMIT = 64,
	HASH_ROUNDS_LIMIT = 5000000,	/* of sha-crypt, PBKDF2 and SCRAM */
	HASH_BCRYPT_LIMIT = 15,		/* log2 of its rounds */
	HASH_MEMORY_LIMIT = 256 << 20,	/* bytes one hash may need */
};

enum hash_kind {
	HASH_PLAIN, HASH_DIGEST, HASH_CRYPT, HASH_PBKDF2, HASH_ARGON2I,
	HASH_ARGON2ID, HASH_SCRAM,
};

/* A hash taken apart. */
struct hash {
	enum hash_kind kind;
	const char *algorithm;		/* DIGEST: "SHA256" */
	struct span text;		/* PLAIN, CRYPT, ARGON2: borrowed */
	uint64_t memory;		/* bytes it needs, when that is much */
	uint32_t rounds;		/* PBKDF2, SCRAM */
	uint8_t salt[HASH_SALT_LIMIT];
	size_t salt_size;
	uint8_t digest[HASH_DIGEST_LIMIT];	/* SCRAM: the stored key */
	size_t digest_size;
	uint8_t server_key[SCRAM_HASH_SIZE];
};

/*
 * -1: not a hash that is understood here, and a sentence why, without the hash
 * in it. Without {SCHEME} it is a crypt(3) string. Nothing is computed.
 */
int
hash_parse(struct span text, struct hash *hash, struct error *error);

/* A {SCRAM-SHA-256} of the form of our own keys: SCRAM works with it. */
bool
hash_get_keys(const struct hash *hash, struct scram_keys *keys);

enum hash_verdict { HASH_RIGHT, HASH_WRONG, HASH_LATER };

/* The password as typed. Comparisons take the same time wherever they differ.
 * LATER: there was not memory enough. */
enum hash_verdict
hash_check(const struct hash *hash, struct span password);

#endif
