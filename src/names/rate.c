/*
 * A bucket for each network and kind: it fills with one second's answers and
 * never holds more. Networks that share a place share its bucket only when
 * their marks are equal too; else the later takes the place of the earlier.
 */
#include "names/rate.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/hash.h"

enum { LOCKS = 64, SECOND = 1000 };

struct bucket {
	uint32_t mark;
	uint32_t left;			/* answers, in thousandths */
	int64_t last;			/* ms */
	uint32_t refused;
};

static struct bucket buckets[RATE_PLACES];
/* of the buckets whose place modulo LOCKS it is */
static pthread_mutex_t locks[LOCKS] = {
	[0 ... LOCKS - 1] = PTHREAD_MUTEX_INITIALIZER };
static atomic_uint limit, slip;

void
rate_configure(unsigned new_limit, unsigned new_slip)
{
	atomic_store(&limit, new_limit);
	atomic_store(&slip, new_slip);
}

static uint64_t
key_of(const struct network_address *client, uint64_t kind)
{
	uint8_t key[sizeof(kind) + 8] = { 0 };
	size_t size = (client->family == AF_INET ? RATE_IPV4_PREFIX :
		RATE_IPV6_PREFIX) / 8;
	memcpy(key, &kind, sizeof(kind));
	key[sizeof(kind)] = client->family == AF_INET ? 4 : 6;
	memcpy(key + sizeof(kind) + 1, client->bytes, size);
	return hash_secret(span_of(key, sizeof(key)));
}

static enum rate_verdict
take(struct bucket *bucket, uint32_t mark, unsigned most, int64_t now)
{
	uint64_t full = (uint64_t)most * SECOND, left = full;
	if (bucket->mark == mark && now - bucket->last < SECOND)
		left = bucket->left + (uint64_t)(now - bucket->last) * most;
	if (bucket->mark != mark)
		bucket->refused = 0;
	bucket->mark = mark;
	bucket->last = now;
	if (left > full)
		left = full;
	bucket->left = (uint32_t)left;
	if (left >= SECOND) {
		bucket->left -= SECOND;
		return RATE_ANSWER;
	}
	unsigned each = atomic_load(&slip);
	return each > 0 && ++bucket->refused % each == 0 ? RATE_SLIP :
		RATE_DROP;
}

enum rate_verdict
rate_count(const struct network_address *client, uint64_t kind, int64_t now)
{
	unsigned most = atomic_load(&limit);
	if (most == 0)
		return RATE_ANSWER;
	uint64_t key = key_of(client, kind);
	size_t place = key % RATE_PLACES;
	pthread_mutex_lock(&locks[place % LOCKS]);
	enum rate_verdict verdict = take(&buckets[place],
		(uint32_t)(key >> 32), most, now);
	pthread_mutex_unlock(&locks[place % LOCKS]);
	return verdict;
}
