/*
 * Verifying PLAIN and LOGIN passwords against SCRAM keys. Runs in auth; see
 * password.h for what it defends against.
 */
#include "auth/password.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "auth/bounded_map.h"
#include "auth/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "proto/saslprep.h"
#include "serve/counter.h"

struct remembered {
	uint64_t generation;		/* of the password it was */
	int64_t until;
	uint8_t hash[SCRAM_HASH_SIZE];
};

struct passwords {
	const uint8_t *secret;
	uint8_t boot_key[32];
	unsigned hashers, waiters;

	pthread_mutex_t lock;		/* of all below */
	pthread_cond_t turn;
	unsigned hashing, waiting;
	uint64_t memory;		/* bytes that those who hash need */
	int64_t ttl;
	struct bounded_map remembered;	/* account id -> struct remembered */
};

struct passwords *
passwords_new(const struct passwords_options *options)
{
	struct passwords *new = memory_new(sizeof(*new));
	pthread_condattr_t attributes;
	new->secret = options->secret;
	new->hashers = options->hashers > 0 ? options->hashers : 1;
	new->waiters = options->waiters;
	new->ttl = options->ttl;
	random_bytes(new->boot_key, sizeof(new->boot_key));
	pthread_mutex_init(&new->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&new->turn, &attributes);
	pthread_condattr_destroy(&attributes);
	bounded_map_init(&new->remembered, PASSWORD_REMEMBERED_LIMIT, memory_free);
	return new;
}

void
passwords_free(struct passwords **passwords)
{
	if (*passwords == NULL)
		return;
	bounded_map_fini(&(*passwords)->remembered);
	pthread_cond_destroy(&(*passwords)->turn);
	pthread_mutex_destroy(&(*passwords)->lock);
	OPENSSL_cleanse((*passwords)->boot_key,
		sizeof((*passwords)->boot_key));
	memory_free(*passwords);
	*passwords = NULL;
}

void
passwords_set_ttl(struct passwords *passwords, int64_t ttl)
{
	pthread_mutex_lock(&passwords->lock);
	passwords->ttl = ttl;
	pthread_mutex_unlock(&passwords->lock);
}

void
password_fake_keys(const struct passwords *passwords, struct span name,
	struct scram_keys *keys)
{
	struct span secret = span_of(passwords->secret, SCRAM_HASH_SIZE);
	uint8_t salt[SCRAM_HASH_SIZE];
	scram_hmac(secret, name, salt);
	memcpy(keys->salt, salt, sizeof(keys->salt));
	keys->iterations = SCRAM_ITERATIONS;
	/* No password is known whose keys these are. */
	scram_hmac(secret, span_of(salt, sizeof(salt)), keys->stored_key);
	scram_hmac(secret, span_of(keys->stored_key, SCRAM_HASH_SIZE),
		keys->server_key);
}

/* ---- what is remembered ---- */

/* Hash of account and prepared password under the boot key. */
static void
hash_verified(const struct passwords *passwords,
	const struct account *account, struct span password,
	uint8_t out[SCRAM_HASH_SIZE])
{
	struct buffer message;
	buffer_init(&message, 0);
	buffer_add_u64(&message, account->id);
	buffer_add(&message, password);
	scram_hmac(span_of(passwords->boot_key, sizeof(passwords->boot_key)),
		buffer_span(&message), out);
	OPENSSL_cleanse(message.data, message.size);
	buffer_fini(&message);
}

static bool
is_remembered(struct passwords *passwords, const struct account *account,
	const uint8_t hash[SCRAM_HASH_SIZE], int64_t now)
{
	pthread_mutex_lock(&passwords->lock);
	const struct remembered *known = bounded_map_get(&passwords->remembered,
		map_key_u64(&account->id));
	bool result = known != NULL && known->until > now &&
		known->generation == account->generation &&
		CRYPTO_memcmp(known->hash, hash, SCRAM_HASH_SIZE) == 0;
	pthread_mutex_unlock(&passwords->lock);
	return result;
}

static void
remember(struct passwords *passwords, const struct account *account,
	const uint8_t hash[SCRAM_HASH_SIZE], int64_t now)
{
	struct remembered *new = memory_new(sizeof(*new));
	new->generation = account->generation;
	memcpy(new->hash, hash, SCRAM_HASH_SIZE);
	pthread_mutex_lock(&passwords->lock);
	new->until = now + passwords->ttl;
	bounded_map_put(&passwords->remembered, map_key_u64(&account->id), new);
	pthread_mutex_unlock(&passwords->lock);
}

/* ---- turns ---- */

/* One that needs much memory waits too until others have given theirs back. */
static bool
has_place(const struct passwords *passwords, uint64_t memory)
{
	return passwords->hashing < passwords->hashers &&
		passwords->memory + memory <= PASSWORD_MEMORY_LIMIT;
}

static bool
enter(struct passwords *passwords, uint64_t memory, int64_t deadline)
{
	struct timespec until = { .tv_sec = deadline / 1000,
		.tv_nsec = deadline % 1000 * 1000000 };
	int code = 0;
	pthread_mutex_lock(&passwords->lock);
	if (!has_place(passwords, memory) &&
		passwords->waiting == passwords->waiters) {
		pthread_mutex_unlock(&passwords->lock);
		return false;
	}
	passwords->waiting++;
	while (!has_place(passwords, memory) && code == 0)
		code = pthread_cond_timedwait(&passwords->turn,
			&passwords->lock, &until);
	passwords->waiting--;
	bool entered = has_place(passwords, memory);
	if (entered) {
		passwords->hashing++;
		passwords->memory += memory;
	}
	pthread_mutex_unlock(&passwords->lock);
	return entered;
}

static void
leave(struct passwords *passwords, uint64_t memory)
{
	pthread_mutex_lock(&passwords->lock);
	assert(passwords->hashing > 0 && passwords->memory >= memory);
	passwords->hashing--;
	passwords->memory -= memory;
	/* All: the first to wake may need more memory than there is. */
	pthread_cond_broadcast(&passwords->turn);
	pthread_mutex_unlock(&passwords->lock);
}

static enum password_verdict
check_prepared(struct passwords *passwords, const struct account *account,
	struct span name, struct span password, int64_t now, int64_t deadline)
{
	uint8_t hash[SCRAM_HASH_SIZE];
	struct scram_keys keys, tried;
	if (account != NULL) {
		hash_verified(passwords, account, password, hash);
		if (is_remembered(passwords, account, hash, now))
			return PASSWORD_RIGHT;
		keys = account->keys;
	} else {
		password_fake_keys(passwords, name, &keys);
	}
	if (!enter(passwords, 0, deadline))
		return PASSWORD_LATER;
	tried = keys;
	scram_derive_keys(password, &tried);
	leave(passwords, 0);
	counter_add(COUNTER_PASSWORD_HASHES, 1);
	bool is_right = scram_keys_are_equal(&keys, &tried) && account != NULL;
	OPENSSL_cleanse(&tried, sizeof(tried));
	if (is_right)
		remember(passwords, account, hash, now);
	return is_right ? PASSWORD_RIGHT : PASSWORD_WRONG;
}

/* The hash is of another system, and of the password as typed. */
static enum password_verdict
check_hash(struct passwords *passwords, const struct account *account,
	struct span password, int64_t now, int64_t deadline)
{
	uint8_t seen[SCRAM_HASH_SIZE];
	struct hash hash;
	struct error error;
	hash_verified(passwords, account, password, seen);
	if (is_remembered(passwords, account, seen, now))
		return PASSWORD_RIGHT;
	if (hash_parse(account->hash, &hash, &error) != 0) {
		log_event(LOG_WARN, "password-not-understood", NULL,
			LOG_TEXT("user", account->address),
			LOG_TEXT("reason", error.text));
		return PASSWORD_WRONG;
	}
	if (!enter(passwords, hash.memory, deadline))
		return PASSWORD_LATER;
	enum hash_verdict verdict = hash_check(&hash, password);
	leave(passwords, hash.memory);
	counter_add(COUNTER_PASSWORD_HASHES, 1);
	OPENSSL_cleanse(&hash, sizeof(hash));
	if (verdict == HASH_RIGHT)
		remember(passwords, account, seen, now);
	return verdict == HASH_RIGHT ? PASSWORD_RIGHT :
		verdict == HASH_LATER ? PASSWORD_LATER : PASSWORD_WRONG;
}

enum password_verdict
password_check(struct passwords *passwords, const struct account *account,
	struct span name, struct span password, int64_t now, int64_t deadline)
{
	struct buffer prepared;
	if (account != NULL && account->hash.size > 0)
		return check_hash(passwords, account, password, now, deadline);
	buffer_init(&prepared, 0);
	/* One that cannot be prepared was never set: it costs like a wrong one. */
	bool is_prepared = saslprep_password(password, &prepared) ==
		SASLPREP_OK;
	enum password_verdict verdict = check_prepared(passwords,
		is_prepared ? account : NULL, name, is_prepared ?
		buffer_span(&prepared) : password, now, deadline);
	if (prepared.size > 0)
		OPENSSL_cleanse(prepared.data, prepared.size);
	buffer_fini(&prepared);
	return verdict;
}
