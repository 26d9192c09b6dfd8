/*
 * Counting failed logins; see throttle.h. Runs in auth. Each counter leaks one
 * failure every THROTTLE_FORGET; the tables are bounded, so what is longest
 * without a failure is forgotten first.
 */
#include "auth/throttle.h"

#include <pthread.h>
#include <string.h>

#include "auth/bounded_map.h"
#include "base/buffer.h"
#include "base/memory.h"

enum { NETWORK_KEY_SIZE = 17 };

struct leak {
	unsigned level;		/* failures at `since` */
	int64_t since;
};

struct throttle {
	pthread_mutex_t lock;	/* of all below */
	struct bounded_map accounts, networks;	/* -> struct leak */
	struct bounded_map known;	/* network and name -> int64_t, when (ms) */
};

struct throttle *
throttle_new(void)
{
	struct throttle *new = memory_new(sizeof(*new));
	pthread_mutex_init(&new->lock, NULL);
	bounded_map_init(&new->accounts, THROTTLE_TABLE_LIMIT, memory_free);
	bounded_map_init(&new->networks, THROTTLE_TABLE_LIMIT, memory_free);
	bounded_map_init(&new->known, THROTTLE_TABLE_LIMIT, memory_free);
	return new;
}

void
throttle_free(struct throttle **throttle)
{
	if (*throttle == NULL)
		return;
	bounded_map_fini(&(*throttle)->accounts);
	bounded_map_fini(&(*throttle)->networks);
	bounded_map_fini(&(*throttle)->known);
	pthread_mutex_destroy(&(*throttle)->lock);
	memory_free(*throttle);
	*throttle = NULL;
}

/* What has not leaked away yet. */
static unsigned
level_of(struct bounded_map *table, struct span key, int64_t now)
{
	struct leak *leak = bounded_map_get(table, key);
	if (leak == NULL)
		return 0;
	int64_t gone = (now - leak->since) / THROTTLE_FORGET;
	if (gone >= leak->level) {
		memory_free(bounded_map_take(table, key));
		return 0;
	}
	leak->level -= (unsigned)gone;
	leak->since += gone * THROTTLE_FORGET;
	return leak->level;
}

static unsigned
add_failure(struct bounded_map *table, struct span key, int64_t now)
{
	level_of(table, key, now);
	struct leak *leak = bounded_map_get(table, key);
	if (leak == NULL) {
		leak = memory_new(sizeof(*leak));
		leak->since = now;
		leak->level = 1;
		bounded_map_put(table, key, leak);
		return 1;
	}
	return ++leak->level;
}

/* Key of a (network, name) pair; the name is a stranger's, so it is cut. */
static void
add_pair_key(struct buffer *key, const struct throttle_attempt *attempt)
{
	uint8_t network[NETWORK_KEY_SIZE];
	network_limit_key(attempt->client, network);
	buffer_add(key, span_of(network, sizeof(network)));
	buffer_add(key, span_first(attempt->name, 512));
}

static bool
is_known(struct throttle *throttle, const struct throttle_attempt *attempt)
{
	struct buffer key;
	buffer_init(&key, 0);
	add_pair_key(&key, attempt);
	const int64_t *when = bounded_map_get(&throttle->known, buffer_span(&key));
	buffer_fini(&key);
	return when != NULL &&
		(attempt->now - *when) / 1000 < THROTTLE_KNOWN;
}

bool
throttle_allows(struct throttle *throttle,
	const struct throttle_attempt *attempt)
{
	uint8_t network[NETWORK_KEY_SIZE];
	network_limit_key(attempt->client, network);
	pthread_mutex_lock(&throttle->lock);
	unsigned factor = is_known(throttle, attempt) ?
		THROTTLE_KNOWN_FACTOR : 1;
	bool allowed = level_of(&throttle->accounts,
		span_first(attempt->name, 512), attempt->now) <
		THROTTLE_ACCOUNT_LIMIT * factor;
	if (allowed && !attempt->is_exempt)
		allowed = level_of(&throttle->networks,
			span_of(network, sizeof(network)), attempt->now) <
			THROTTLE_NETWORK_LIMIT * factor;
	pthread_mutex_unlock(&throttle->lock);
	return allowed;
}

/* Twice as long with every other failure. */
static int64_t
delay_of(unsigned level, int64_t delay)
{
	for (unsigned i = 2; i < level && delay < THROTTLE_DELAY_LIMIT; i += 2)
		delay *= 2;
	return delay < THROTTLE_DELAY_LIMIT ? delay : THROTTLE_DELAY_LIMIT;
}

int64_t
throttle_failed(struct throttle *throttle,
	const struct throttle_attempt *attempt, int64_t delay)
{
	uint8_t network[NETWORK_KEY_SIZE];
	unsigned level;
	network_limit_key(attempt->client, network);
	pthread_mutex_lock(&throttle->lock);
	level = add_failure(&throttle->accounts,
		span_first(attempt->name, 512), attempt->now);
	if (!attempt->is_exempt) {
		unsigned other = add_failure(&throttle->networks,
			span_of(network, sizeof(network)), attempt->now);
		level = other > level ? other : level;
	}
	pthread_mutex_unlock(&throttle->lock);
	return delay_of(level, delay);
}

void
throttle_succeeded(struct throttle *throttle,
	const struct throttle_attempt *attempt)
{
	struct buffer key;
	buffer_init(&key, 0);
	add_pair_key(&key, attempt);
	int64_t *when = memory_new(sizeof(*when));
	*when = attempt->now;
	pthread_mutex_lock(&throttle->lock);
	bounded_map_put(&throttle->known, buffer_span(&key), when);
	pthread_mutex_unlock(&throttle->lock);
	buffer_fini(&key);
}
