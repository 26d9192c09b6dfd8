/*
 * SCRAM's arithmetic over libcrypto (RFC 5802 2.2, 3). Runs in auth.
 */
#include "proto/scram.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>

static void
hash(const uint8_t in[SCRAM_HASH_SIZE], uint8_t out[SCRAM_HASH_SIZE])
{
	int ok = EVP_Digest(in, SCRAM_HASH_SIZE, out, NULL, EVP_sha256(),
		NULL);
	assert(ok == 1);
}

void
scram_hmac(struct span key, struct span message,
	uint8_t out[SCRAM_HASH_SIZE])
{
	unsigned char *ok = HMAC(EVP_sha256(), key.data, (int)key.size,
		(const unsigned char *)message.data, message.size, out, NULL);
	assert(ok != NULL);
}

void
scram_derive_keys(struct span password, struct scram_keys *keys)
{
	uint8_t salted[SCRAM_HASH_SIZE], client_key[SCRAM_HASH_SIZE];
	assert(keys->iterations >= 1);
	/* Hi() is PBKDF2 with HMAC and one block (RFC 5802 2.2). */
	int ok = PKCS5_PBKDF2_HMAC(password.data, (int)password.size,
		keys->salt, SCRAM_SALT_SIZE, (int)keys->iterations,
		EVP_sha256(), SCRAM_HASH_SIZE, salted);
	assert(ok == 1);
	struct span key = span_of(salted, sizeof(salted));
	scram_hmac(key, SPAN("Client Key"), client_key);
	hash(client_key, keys->stored_key);
	scram_hmac(key, SPAN("Server Key"), keys->server_key);
	OPENSSL_cleanse(salted, sizeof(salted));
	OPENSSL_cleanse(client_key, sizeof(client_key));
}

bool
scram_keys_are_equal(const struct scram_keys *a, const struct scram_keys *b)
{
	return CRYPTO_memcmp(a->stored_key, b->stored_key,
		SCRAM_HASH_SIZE) == 0;
}

bool
scram_check_proof(const struct scram_keys *keys, struct span auth_message,
	const uint8_t proof[SCRAM_HASH_SIZE],
	uint8_t signature[SCRAM_HASH_SIZE])
{
	uint8_t client_signature[SCRAM_HASH_SIZE];
	uint8_t client_key[SCRAM_HASH_SIZE], hashed[SCRAM_HASH_SIZE];
	scram_hmac(span_of(keys->stored_key, SCRAM_HASH_SIZE), auth_message,
		client_signature);
	for (size_t i = 0; i < SCRAM_HASH_SIZE; i++)
		client_key[i] = proof[i] ^ client_signature[i];
	hash(client_key, hashed);
	scram_hmac(span_of(keys->server_key, SCRAM_HASH_SIZE), auth_message,
		signature);
	OPENSSL_cleanse(client_key, sizeof(client_key));
	return CRYPTO_memcmp(hashed, keys->stored_key, SCRAM_HASH_SIZE) == 0;
}
