/* OpenSSL's method tables for keys held elsewhere: marked as deprecated since
 * 3.0, and the one way that needs no provider of our own. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "tls/remote_key.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "proto/keywire.h"
#include "serve/wire.h"

/* What the key process needs to know; owned by the key as extra data. */
struct remote_key {
	char name[KEYWIRE_NAME_SIZE];
	uint8_t public_hash[SHA256_DIGEST_LENGTH];
};

static struct {
	struct wire_pool *wires;
	struct turnstile turnstile;
	EC_KEY_METHOD *ec;
	RSA_METHOD *rsa;
	int ec_index, rsa_index;
} remote;

static int
exchange(const struct keywire_request *request, struct keywire_reply *reply,
	struct error *error)
{
	struct wire *wire = wire_take(remote.wires,
		clock_monotonic() + REMOTE_KEY_TIMEOUT, error);
	if (wire == NULL)
		return -1;
	stream_add(&wire->stream, span_of(request, sizeof(*request)));
	if (stream_send(&wire->stream, error) < 0 ||
	    stream_read_exactly(&wire->stream, reply, sizeof(*reply),
	    error) < 0) {
		wire_drop(&wire);
		return -1;
	}
	wire_give(&wire);
	if (reply->version == KEYWIRE_VERSION &&
	    reply->status == KEYWIRE_NO_KEY)
		return error_set(error, ERROR_GONE,
			"the key process does not have that key");
	if (reply->version != KEYWIRE_VERSION || reply->status != KEYWIRE_OK ||
	    reply->size > sizeof(reply->output))
		return error_set(error, ERROR_REFUSED,
			"the key process answered status %u", reply->status);
	return 0;
}

/* A reload reaches us and key one after the other: who is asked for a key that
 * he is only about to read will have it in a moment. */
static int
exchange_patiently(const struct keywire_request *request,
	struct keywire_reply *reply, struct error *error)
{
	int64_t end = clock_monotonic() + REMOTE_KEY_RELOAD;
	while (exchange(request, reply, error) < 0) {
		if (error->code != ERROR_GONE || clock_monotonic() >= end)
			return -1;
		poll(NULL, 0, REMOTE_KEY_PAUSE);
	}
	return 0;
}

/* The signature's size, 0 when there is none (logged). */
static size_t
sign(const struct remote_key *key, enum keywire_operation operation,
	const void *input, size_t size, unsigned char *out, size_t room)
{
	struct error error;
	struct keywire_reply reply;
	struct keywire_request request = { .version = KEYWIRE_VERSION,
		.operation = operation, .size = (uint32_t)size };
	if (key == NULL || size > sizeof(request.input))
		return 0;
	memcpy(request.key, key->name, sizeof(request.key));
	memcpy(request.public_hash, key->public_hash,
		sizeof(request.public_hash));
	memcpy(request.input, input, size);
	if (exchange_patiently(&request, &reply, &error) < 0) {
		log_event(LOG_WARN, "no-signature", NULL,
			LOG_TEXT("reason", error.text));
		return 0;
	}
	if (reply.size > room)
		return 0;
	memcpy(out, reply.output, reply.size);
	return reply.size;
}

static int
ec_sign(int type, const unsigned char *digest, int size, unsigned char *out,
	unsigned int *out_size, const BIGNUM *kinv, const BIGNUM *r, EC_KEY *key)
{
	(void)type;
	(void)kinv;
	(void)r;
	*out_size = (unsigned)sign(EC_KEY_get_ex_data(key, remote.ec_index),
		KEYWIRE_ECDSA, digest, (size_t)size, out,
		(size_t)ECDSA_size(key));
	return *out_size > 0;
}

static int
rsa_private_encrypt(int size, const unsigned char *from, unsigned char *to,
	RSA *key, int padding)
{
	size_t made = sign(RSA_get_ex_data(key, remote.rsa_index),
		padding == RSA_PKCS1_PADDING ? KEYWIRE_RSA_PKCS1 :
		KEYWIRE_RSA_RAW, from, (size_t)size, to, (size_t)RSA_size(key));
	return made > 0 ? (int)made : -1;
}

static void
free_extra(void *parent, void *extra, CRYPTO_EX_DATA *data, int index,
	long argument, void *pointer)
{
	(void)parent;
	(void)data;
	(void)index;
	(void)argument;
	(void)pointer;
	memory_free(extra);
}

void
remote_key_start(struct lot *lot, unsigned workers)
{
	remote.wires = wire_pool_new(lot, "key-sign", 0);
	turnstile_init(&remote.turnstile, workers / 2);
	remote.ec = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
	EC_KEY_METHOD_set_sign(remote.ec, ec_sign, NULL, NULL);
	remote.rsa = RSA_meth_dup(RSA_PKCS1_OpenSSL());
	RSA_meth_set_priv_enc(remote.rsa, rsa_private_encrypt);
	remote.ec_index = EC_KEY_get_ex_new_index(0, NULL, NULL, NULL,
		free_extra);
	remote.rsa_index = RSA_get_ex_new_index(0, NULL, NULL, NULL,
		free_extra);
}

struct turnstile *
remote_key_turnstile(void)
{
	return &remote.turnstile;
}

static struct remote_key *
new_extra(X509 *certificate, const char *name)
{
	unsigned char *der = NULL;
	struct remote_key *key = memory_new(sizeof(*key));
	snprintf(key->name, sizeof(key->name), "%s", name);
	int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
	if (size > 0)
		SHA256(der, (size_t)size, key->public_hash);
	OPENSSL_free(der);
	return key;
}

static EVP_PKEY *
new_ec(EVP_PKEY *public_half, struct remote_key *extra)
{
	EVP_PKEY *key = EVP_PKEY_new();
	EC_KEY *ec = EC_KEY_dup(EVP_PKEY_get0_EC_KEY(public_half));
	if (key == NULL || ec == NULL || EC_KEY_set_method(ec, remote.ec) != 1 ||
	    EC_KEY_set_ex_data(ec, remote.ec_index, extra) != 1 ||
	    EVP_PKEY_assign_EC_KEY(key, ec) != 1) {
		EC_KEY_free(ec);
		EVP_PKEY_free(key);
		return NULL;
	}
	return key;
}

static EVP_PKEY *
new_rsa(EVP_PKEY *public_half, struct remote_key *extra)
{
	EVP_PKEY *key = EVP_PKEY_new();
	RSA *rsa = RSAPublicKey_dup(EVP_PKEY_get0_RSA(public_half));
	if (key == NULL || rsa == NULL || RSA_set_method(rsa, remote.rsa) != 1 ||
	    RSA_set_ex_data(rsa, remote.rsa_index, extra) != 1 ||
	    EVP_PKEY_assign_RSA(key, rsa) != 1) {
		RSA_free(rsa);
		EVP_PKEY_free(key);
		return NULL;
	}
	return key;
}

EVP_PKEY *
remote_key_new(X509 *certificate, const char *name)
{
	EVP_PKEY *public_half = X509_get0_pubkey(certificate);
	struct remote_key *extra = new_extra(certificate, name);
	EVP_PKEY *key = NULL;
	if (public_half != NULL && EVP_PKEY_is_a(public_half, "EC") == 1)
		key = new_ec(public_half, extra);
	else if (public_half != NULL && EVP_PKEY_is_a(public_half, "RSA") == 1)
		key = new_rsa(public_half, extra);
	if (key == NULL)
		memory_free(extra);
	return key;
}
