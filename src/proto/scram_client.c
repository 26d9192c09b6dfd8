/* The client's part of SCRAM; scram_client.h. */
#include "proto/scram_client.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/base64.h"
#include "proto/scram.h"

/* "," and "=" are written as "=2C" and "=3D" (RFC 5802 5.1). */
static void
add_name(struct buffer *out, struct span name)
{
	for (size_t i = 0; i < name.size; i++) {
		if (name.data[i] == ',')
			buffer_add(out, SPAN("=2C"));
		else if (name.data[i] == '=')
			buffer_add(out, SPAN("=3D"));
		else
			buffer_add_byte(out, name.data[i]);
	}
}

struct span
scram_client_first(struct scram_client *client, struct arena *arena,
	struct span name, struct span nonce)
{
	struct buffer out;
	buffer_init(&out, 0);
	buffer_add_string(&out, "n,,n=");
	add_name(&out, name);
	buffer_add_string(&out, ",r=");
	buffer_add(&out, nonce);
	struct span message = arena_copy(arena, buffer_span(&out));
	buffer_fini(&out);
	*client = (struct scram_client){ .arena = arena,
		.nonce = arena_copy(arena, nonce),
		.first_bare = span_skip(message, 3) };
	return message;
}

struct server_first {
	struct span nonce, salt;
	uint64_t iterations;
};

/* "r=...,s=BASE64,i=NUMBER", extensions behind are passed over. */
static bool
parse_first(struct span message, struct arena *arena,
	struct server_first *first)
{
	struct span nonce, salt, iterations;
	struct buffer bytes;
	if (message.size > SASL_MESSAGE_LIMIT ||
		!span_split(&message, ',', &nonce) ||
		!span_split(&message, ',', &salt) ||
		!span_split(&message, ',', &iterations) ||
		!span_starts(nonce, SPAN("r=")) ||
		!span_starts(salt, SPAN("s=")) ||
		!span_starts(iterations, SPAN("i=")) ||
		!span_to_number(span_skip(iterations, 2),
		SCRAM_CLIENT_ITERATIONS_MOST, &first->iterations))
		return false;
	buffer_init(&bytes, 0);
	bool ok = base64_decode(&bytes, span_skip(salt, 2)) && bytes.size > 0;
	first->nonce = span_skip(nonce, 2);
	first->salt = arena_copy(arena, buffer_span(&bytes));
	buffer_fini(&bytes);
	return ok && first->iterations >= SCRAM_CLIENT_ITERATIONS_LEAST;
}

/* ClientProof, and what the server must say. */
static void
compute(struct scram_client *client, const struct server_first *first,
	struct span password, struct span auth_message,
	uint8_t proof[SCRAM_HASH_SIZE])
{
	uint8_t salted[SCRAM_HASH_SIZE], key[SCRAM_HASH_SIZE];
	uint8_t stored[SCRAM_HASH_SIZE], signature[SCRAM_HASH_SIZE];
	int ok = PKCS5_PBKDF2_HMAC(password.data, (int)password.size,
		(const unsigned char *)first->salt.data,
		(int)first->salt.size, (int)first->iterations, EVP_sha256(),
		SCRAM_HASH_SIZE, salted);
	assert(ok == 1);
	struct span salted_span = span_of(salted, sizeof(salted));
	scram_hmac(salted_span, SPAN("Client Key"), key);
	ok = EVP_Digest(key, sizeof(key), stored, NULL, EVP_sha256(), NULL);
	assert(ok == 1);
	scram_hmac(span_of(stored, sizeof(stored)), auth_message, signature);
	for (size_t i = 0; i < SCRAM_HASH_SIZE; i++)
		proof[i] = key[i] ^ signature[i];
	scram_hmac(salted_span, SPAN("Server Key"), key);
	scram_hmac(span_of(key, sizeof(key)), auth_message,
		client->server_signature);
	OPENSSL_cleanse(salted, sizeof(salted));
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(stored, sizeof(stored));
}

bool
scram_client_final(struct scram_client *client, struct span server_first,
	struct span password, struct span *message)
{
	struct server_first first;
	uint8_t proof[SCRAM_HASH_SIZE];
	struct buffer out;
	if (!parse_first(server_first, client->arena, &first) ||
		!span_starts(first.nonce, client->nonce) ||
		first.nonce.size == client->nonce.size)
		return false;
	/* biws is "n,,": no channel binding */
	struct span without_proof = arena_print(client->arena,
		"c=biws,r=%.*s", SPAN_PRINT(first.nonce));
	compute(client, &first, password, arena_print(client->arena,
		"%.*s,%.*s,%.*s", SPAN_PRINT(client->first_bare),
		SPAN_PRINT(server_first), SPAN_PRINT(without_proof)), proof);
	buffer_init(&out, 0);
	buffer_add(&out, without_proof);
	buffer_add_string(&out, ",p=");
	base64_encode(&out, span_of(proof, sizeof(proof)));
	*message = arena_copy(client->arena, buffer_span(&out));
	buffer_fini(&out);
	return true;
}

bool
scram_client_check(const struct scram_client *client,
	struct span server_final)
{
	struct buffer bytes;
	struct span value;
	if (!span_split(&server_final, ',', &value) ||
		!span_starts(value, SPAN("v=")))
		return false;
	buffer_init(&bytes, 0);
	bool ok = base64_decode(&bytes, span_skip(value, 2)) &&
		bytes.size == SCRAM_HASH_SIZE && CRYPTO_memcmp(bytes.data,
		client->server_signature, SCRAM_HASH_SIZE) == 0;
	buffer_fini(&bytes);
	return ok;
}
