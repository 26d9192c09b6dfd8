/*
 * Version 1, three octets of nothing, the time, and SipHash-2-4 over the
 * client's cookie, these and its address.
 */
#include "names/cookie.h"

#include <pthread.h>
#include <string.h>

#include "base/hash.h"
#include "base/random.h"

enum { HEAD = 16, KEY = 16 };	/* of a cookie without its hash */

static struct {
	pthread_mutex_t lock;		/* of the following */
	uint8_t key[2][KEY];		/* this day's, and the last one's */
	uint32_t since;			/* 0: none yet */
} secret = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
get_keys(uint32_t now, uint8_t key[2][KEY])
{
	pthread_mutex_lock(&secret.lock);
	if (secret.since == 0 || now - secret.since >= COOKIE_SECRET_TIME) {
		memcpy(secret.key[1], secret.key[0], KEY);
		random_bytes(secret.key[0], KEY);
		if (secret.since == 0)
			random_bytes(secret.key[1], KEY);
		secret.since = now;
	}
	memcpy(key, secret.key, sizeof(secret.key));
	pthread_mutex_unlock(&secret.lock);
}

/* RFC 9018 4.4; the hash's octets little end first. */
static void
make_hash(const uint8_t key[KEY], const uint8_t head[HEAD],
	const struct network_address *client, uint8_t out[8])
{
	uint8_t input[HEAD + 16];
	size_t size = client->family == AF_INET ? 4 : 16;
	memcpy(input, head, HEAD);
	memcpy(input + HEAD, client->bytes, size);
	uint64_t hash = hash_siphash(key, span_of(input, HEAD + size));
	for (unsigned i = 0; i < 8; i++)
		out[i] = (uint8_t)(hash >> 8 * i);
}

bool
cookie_is_good(const struct message_question *question,
	const struct network_address *client, uint32_t now)
{
	const uint8_t *cookie = question->cookie;
	uint8_t key[2][KEY], hash[8];
	if (question->cookie_size != COOKIE_SIZE || cookie[8] != 1)
		return false;
	uint32_t made = (uint32_t)cookie[12] << 24 |
		(uint32_t)cookie[13] << 16 | (uint32_t)cookie[14] << 8 |
		cookie[15];
	/* serial arithmetic, RFC 1982 */
	int32_t age = (int32_t)(now - made);
	if (age > COOKIE_PAST || age < -COOKIE_FUTURE)
		return false;
	get_keys(now, key);
	for (unsigned i = 0; i < 2; i++) {
		unsigned differs = 0;
		make_hash(key[i], cookie, client, hash);
		for (unsigned j = 0; j < sizeof(hash); j++)
			differs |= hash[j] ^ cookie[HEAD + j];
		if (differs == 0)
			return true;
	}
	return false;
}

void
cookie_make(const struct message_question *question,
	const struct network_address *client, uint32_t now,
	uint8_t cookie[COOKIE_SIZE])
{
	const uint8_t head[] = { 1, 0, 0, 0, (uint8_t)(now >> 24),
		(uint8_t)(now >> 16), (uint8_t)(now >> 8), (uint8_t)now };
	uint8_t key[2][KEY];
	get_keys(now, key);
	memcpy(cookie, question->cookie, MESSAGE_COOKIE);
	memcpy(cookie + MESSAGE_COOKIE, head, sizeof(head));
	make_hash(key[0], cookie, client, cookie + HEAD);
}
