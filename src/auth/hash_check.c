/*
 * Is this the password of a hash that another system made? OpenSSL has the
 * digests and PBKDF2, libcrypt what shadow files hold, libargon2 Argon2 (which
 * OpenSSL has only from 3.2 on). Runs in auth.
 */
#include "auth/hash.h"

#include <argon2.h>
#include <crypt.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/memory.h"
#include "proto/saslprep.h"

static bool
digest(const char *algorithm, struct span first, struct span second,
	uint8_t out[EVP_MAX_MD_SIZE])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool ok = context != NULL && EVP_DigestInit_ex(context,
		EVP_get_digestbyname(algorithm), NULL) == 1 &&
		EVP_DigestUpdate(context, first.data, first.size) == 1 &&
		EVP_DigestUpdate(context, second.data, second.size) == 1 &&
		EVP_DigestFinal_ex(context, out, NULL) == 1;
	EVP_MD_CTX_free(context);
	return ok;
}

/* Digests are compared, so that the time does not tell the length either. */
static bool
are_equal(struct span a, struct span b)
{
	uint8_t one[EVP_MAX_MD_SIZE], other[EVP_MAX_MD_SIZE];
	bool ok = digest("SHA256", a, SPAN(""), one) &&
		digest("SHA256", b, SPAN(""), other) &&
		CRYPTO_memcmp(one, other, 32) == 0;
	OPENSSL_cleanse(one, sizeof(one));
	OPENSSL_cleanse(other, sizeof(other));
	return ok;
}

static bool
check_digest(const struct hash *hash, struct span password)
{
	uint8_t made[EVP_MAX_MD_SIZE];
	return digest(hash->algorithm, password,
		span_of(hash->salt, hash->salt_size), made) &&
		CRYPTO_memcmp(made, hash->digest, hash->digest_size) == 0;
}

static bool
check_pbkdf2(const struct hash *hash, struct span password)
{
	uint8_t made[HASH_DIGEST_LIMIT];
	return PKCS5_PBKDF2_HMAC(password.data, (int)password.size,
		hash->salt, (int)hash->salt_size, (int)hash->rounds,
		EVP_sha1(), (int)hash->digest_size, made) == 1 &&
		CRYPTO_memcmp(made, hash->digest, hash->digest_size) == 0;
}

/* RFC 5802 3: StoredKey = H(HMAC(SaltedPassword, "Client Key")). */
static bool
check_scram(const struct hash *hash, struct span password)
{
	uint8_t salted[SCRAM_HASH_SIZE], key[SCRAM_HASH_SIZE];
	uint8_t stored[EVP_MAX_MD_SIZE];
	struct buffer prepared;
	buffer_init(&prepared, 0);
	bool ok = saslprep_password(password, &prepared) == SASLPREP_OK &&
		PKCS5_PBKDF2_HMAC(prepared.data, (int)prepared.size,
		hash->salt, (int)hash->salt_size, (int)hash->rounds,
		EVP_sha256(), sizeof(salted), salted) == 1;
	if (ok) {
		scram_hmac(span_of(salted, sizeof(salted)),
			SPAN("Client Key"), key);
		ok = digest("SHA256", span_of(key, sizeof(key)), SPAN(""),
			stored) && CRYPTO_memcmp(stored, hash->digest,
			SCRAM_HASH_SIZE) == 0;
	}
	if (prepared.size > 0)
		OPENSSL_cleanse(prepared.data, prepared.size);
	buffer_fini(&prepared);
	OPENSSL_cleanse(salted, sizeof(salted));
	OPENSSL_cleanse(key, sizeof(key));
	return ok;
}

static enum hash_verdict
check_crypt(const struct hash *hash, struct span password)
{
	char setting[HASH_TEXT_LIMIT + 1], phrase[CRYPT_MAX_PASSPHRASE_SIZE];
	if (password.size >= sizeof(phrase))
		return HASH_WRONG;
	memcpy(setting, hash->text.data, hash->text.size);
	setting[hash->text.size] = '\0';
	memcpy(phrase, password.data, password.size);
	phrase[password.size] = '\0';
	struct crypt_data *data = memory_new(sizeof(*data));
	errno = 0;
	const char *made = crypt_rn(phrase, setting, data, sizeof(*data));
	enum hash_verdict verdict = made == NULL && errno == ENOMEM ?
		HASH_LATER : HASH_WRONG;
	if (made != NULL && are_equal(span_from(made), hash->text))
		verdict = HASH_RIGHT;
	OPENSSL_cleanse(phrase, sizeof(phrase));
	OPENSSL_cleanse(data, sizeof(*data));
	memory_free(data);
	return verdict;
}

static enum hash_verdict
check_argon2(const struct hash *hash, struct span password)
{
	char encoded[HASH_TEXT_LIMIT + 1];
	memcpy(encoded, hash->text.data, hash->text.size);
	encoded[hash->text.size] = '\0';
	switch (argon2_verify(encoded, password.data, password.size,
		hash->kind == HASH_ARGON2I ? Argon2_i : Argon2_id)) {
	case ARGON2_OK:
		return HASH_RIGHT;
	case ARGON2_MEMORY_ALLOCATION_ERROR:
	case ARGON2_THREAD_FAIL:
		return HASH_LATER;
	default:
		return HASH_WRONG;
	}
}

enum hash_verdict
hash_check(const struct hash *hash, struct span password)
{
	bool is_right = false;
	/* libcrypt would stop at a NUL and HMAC does not see one at the end:
	 * a password with one in it was never set. */
	if (span_find(password, '\0') < password.size)
		return HASH_WRONG;
	switch (hash->kind) {
	case HASH_CRYPT:
		return check_crypt(hash, password);
	case HASH_ARGON2I:
	case HASH_ARGON2ID:
		return check_argon2(hash, password);
	case HASH_PLAIN:
		is_right = are_equal(hash->text, password);
		break;
	case HASH_DIGEST:
		is_right = check_digest(hash, password);
		break;
	case HASH_PBKDF2:
		is_right = check_pbkdf2(hash, password);
		break;
	case HASH_SCRAM:
		is_right = check_scram(hash, password);
		break;
	}
	return is_right ? HASH_RIGHT : HASH_WRONG;
}
