#include "key/keyring.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "key/callers.h"
#include "key/ring.h"

enum { KEYRING_SIZE = 16, KEY_FILE_LIMIT = 1 << 16 };

/* The newest of a name stands first. Locked: `keyring.lock`. */
struct keyring_entry {
	char name[KEYWIRE_NAME_SIZE];
	uint8_t public_hash[SHA256_DIGEST_LENGTH];
	EVP_PKEY *key;
};

static struct {
	pthread_mutex_t lock;
	struct keyring_entry entry[KEYRING_SIZE];
} keyring = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool
hash_public_key(EVP_PKEY *key, uint8_t hash[SHA256_DIGEST_LENGTH])
{
	unsigned char *der = NULL;
	int size = i2d_PUBKEY(key, &der);
	if (size <= 0)
		return false;
	SHA256(der, (size_t)size, hash);
	OPENSSL_free(der);
	return true;
}

static EVP_PKEY *
read_key(int fd, struct error *error)
{
	static char no_passphrase[] = "";
	struct buffer pem;
	EVP_PKEY *key = NULL;
	buffer_init(&pem, 0);
	if (file_read_descriptor(fd, KEY_FILE_LIMIT, &pem, error) == 0) {
		BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
		key = PEM_read_bio_PrivateKey(bio, NULL, NULL,
			no_passphrase);
		BIO_free(bio);
		if (key == NULL)
			error_set(error, ERROR_USAGE,
				"found no private key, expected PEM");
	}
	if (pem.data != NULL)
		OPENSSL_cleanse(pem.data, pem.room);
	buffer_fini(&pem);
	return key;
}

/* The names of one program's files are few: the last row is given up. */
static void
put_first(const struct keyring_entry *fresh)
{
	struct keyring_entry *last = &keyring.entry[KEYRING_SIZE - 1];
	EVP_PKEY_free(last->key);
	memmove(&keyring.entry[1], &keyring.entry[0],
		sizeof(keyring.entry[0]) * (KEYRING_SIZE - 1));
	keyring.entry[0] = *fresh;
}

int
keyring_load(const char *name, int fd, struct error *error)
{
	struct keyring_entry fresh = { 0 };
	bool is_known = false;
	fresh.key = read_key(fd, error);
	if (fresh.key == NULL)
		return error_wrap(error, "%s", name);
	snprintf(fresh.name, sizeof(fresh.name), "%s", name);
	if (!hash_public_key(fresh.key, fresh.public_hash)) {
		EVP_PKEY_free(fresh.key);
		return error_set(error, ERROR_USAGE,
			"%s: found a key of an unknown kind", name);
	}
	pthread_mutex_lock(&keyring.lock);
	for (size_t i = 0; i < KEYRING_SIZE; i++)
		is_known |= keyring.entry[i].key != NULL &&
			strcmp(keyring.entry[i].name, name) == 0 &&
			memcmp(keyring.entry[i].public_hash, fresh.public_hash,
				sizeof(fresh.public_hash)) == 0;
	if (!is_known)
		put_first(&fresh);
	pthread_mutex_unlock(&keyring.lock);
	if (is_known)
		EVP_PKEY_free(fresh.key);
	return 0;
}

/* A reference of its own, or NULL. */
static EVP_PKEY *
find_file_key(const struct keywire_request *request)
{
	static const uint8_t any[SHA256_DIGEST_LENGTH];
	EVP_PKEY *found = NULL;
	bool is_any = memcmp(request->public_hash, any, sizeof(any)) == 0;
	pthread_mutex_lock(&keyring.lock);
	for (size_t i = 0; i < KEYRING_SIZE && found == NULL; i++) {
		struct keyring_entry *entry = &keyring.entry[i];
		if (entry->key == NULL ||
		    strncmp(entry->name, request->key, KEYWIRE_NAME_SIZE) != 0)
			continue;
		if (is_any || memcmp(entry->public_hash, request->public_hash,
		    sizeof(any)) == 0)
			found = entry->key;
	}
	if (found != NULL)
		EVP_PKEY_up_ref(found);
	pthread_mutex_unlock(&keyring.lock);
	return found;
}

/* Does the caller mean this key? */
static bool
is_expected(EVP_PKEY *key, const uint8_t public_hash[SHA256_DIGEST_LENGTH])
{
	static const uint8_t any[SHA256_DIGEST_LENGTH];
	uint8_t hash[SHA256_DIGEST_LENGTH];
	return memcmp(public_hash, any, sizeof(any)) == 0 ||
		(hash_public_key(key, hash) &&
		memcmp(public_hash, hash, sizeof(hash)) == 0);
}

static EVP_PKEY *
find_key(const struct keywire_request *request)
{
	EVP_PKEY *key = find_file_key(request);
	if (key != NULL)
		return key;
	key = ring_find(request->key);
	if (key != NULL && !is_expected(key, request->public_hash)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

static bool
set_padding(EVP_PKEY_CTX *context, EVP_PKEY *key, uint32_t operation)
{
	bool is_rsa = EVP_PKEY_is_a(key, "RSA") == 1;
	switch (operation) {
	case KEYWIRE_ECDSA:
		return EVP_PKEY_is_a(key, "EC") == 1;
	case KEYWIRE_RSA_PKCS1:
		return is_rsa && EVP_PKEY_CTX_set_rsa_padding(context,
			RSA_PKCS1_PADDING) == 1;
	case KEYWIRE_RSA_RAW:
		return is_rsa && EVP_PKEY_CTX_set_rsa_padding(context,
			RSA_NO_PADDING) == 1;
	default:
		return false;
	}
}

static enum keywire_status
sign_with(EVP_PKEY *key, const struct keywire_request *request,
	struct keywire_reply *reply)
{
	size_t size = sizeof(reply->output);
	enum keywire_status status = KEYWIRE_FAILED;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	if (context == NULL || EVP_PKEY_sign_init(context) != 1)
		status = KEYWIRE_FAILED;
	else if (!set_padding(context, key, request->operation))
		status = KEYWIRE_BAD;
	else if (EVP_PKEY_sign(context, reply->output, &size, request->input,
	    request->size) == 1)
		status = KEYWIRE_OK;
	reply->size = status == KEYWIRE_OK ? (uint32_t)size : 0;
	EVP_PKEY_CTX_free(context);
	return status;
}

static bool
is_known(uint32_t operation)
{
	return operation >= KEYWIRE_ECDSA && operation <= KEYWIRE_DROP;
}

static enum keywire_status
sign(const struct keywire_request *request, struct keywire_reply *reply)
{
	EVP_PKEY *key = find_key(request);
	enum keywire_status status = key == NULL ? KEYWIRE_NO_KEY :
		sign_with(key, request, reply);
	EVP_PKEY_free(key);
	return status;
}

static enum keywire_status
tell_public(const char *name, struct keywire_reply *reply)
{
	unsigned char *der = NULL;
	EVP_PKEY *key = ring_find(name);
	int size = key == NULL ? 0 : i2d_PUBKEY(key, &der);
	/* of a ring that is not there nobody knows what it holds */
	enum keywire_status status = key == NULL && ring_is_loaded() ?
		KEYWIRE_NO_KEY : KEYWIRE_FAILED;
	if (size > 0 && (size_t)size <= sizeof(reply->output)) {
		memcpy(reply->output, der, (size_t)size);
		reply->size = (uint32_t)size;
		status = KEYWIRE_OK;
	}
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	return status;
}

static enum keywire_status
make(const struct keywire_request *request, int64_t now,
	struct keywire_reply *reply)
{
	enum keywire_status status = request->size != 1 ? KEYWIRE_BAD :
		ring_make(request->key, request->input[0], now);
	return status == KEYWIRE_OK ? tell_public(request->key, reply) : status;
}

void
keyring_execute(const char *caller, const struct keywire_request *request,
	int64_t now, struct keywire_reply *reply)
{
	*reply = (struct keywire_reply){ .version = KEYWIRE_VERSION,
		.status = KEYWIRE_BAD };
	if (request->version != KEYWIRE_VERSION ||
	    request->size > sizeof(request->input) ||
	    !is_known(request->operation) ||
	    memchr(request->key, '\0', sizeof(request->key)) == NULL)
		return;
	if (!callers_may(caller, request->key, request->operation))
		reply->status = KEYWIRE_NOT_YOURS;
	else if (request->operation == KEYWIRE_MAKE)
		reply->status = make(request, now, reply);
	else if (request->operation == KEYWIRE_PUBLIC)
		reply->status = tell_public(request->key, reply);
	else if (request->operation == KEYWIRE_DROP)
		reply->status = ring_drop(request->key);
	else
		reply->status = sign(request, reply);
}
