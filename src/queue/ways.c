/* Pools of wires to mailbox processes; see ways.h. */
#include "queue/ways.h"

#include <assert.h>

#include "base/memory.h"
#include "proto/account_id.h"

void
ways_init(struct ways *ways, struct lot *lot, unsigned processes)
{
	assert(processes > 0);
	*ways = (struct ways){ .lot = lot, .processes = processes };
	ways->shared = memory_new_array(processes, sizeof(*ways->shared));
	for (unsigned i = 0; i < processes; i++) {
		ways->shared[i].pool = wire_pool_new(lot, "mailbox-lmtp", i);
		health_init(&ways->shared[i].health);
	}
	pthread_mutex_init(&ways->lock, NULL);
	map_init(&ways->by_account);
}

/* ---- those that nobody uses, with the lock held ---- */

static void
unlink_way(struct ways *ways, struct way *way)
{
	*(way->older != NULL ? &way->older->newer : &ways->oldest) = way->newer;
	*(way->newer != NULL ? &way->newer->older : &ways->newest) = way->older;
	way->older = way->newer = NULL;
	ways->kept--;
}

static void
link_way(struct ways *ways, struct way *way)
{
	way->older = ways->newest;
	way->newer = NULL;
	*(way->older != NULL ? &way->older->newer : &ways->oldest) = way;
	ways->newest = way;
	ways->kept++;
}

static struct way *
take_oldest(struct ways *ways)
{
	struct way *way = ways->oldest;
	unlink_way(ways, way);
	map_take(&ways->by_account, map_key_u64(&way->account));
	return way;
}

static void
free_way(struct way **way)
{
	wire_pool_free(&(*way)->pool);
	health_fini(&(*way)->health);
	memory_free(*way);
	*way = NULL;
}

void
ways_fini(struct ways *ways)
{
	while (ways->oldest != NULL) {
		struct way *way = take_oldest(ways);
		free_way(&way);
	}
	map_fini(&ways->by_account);
	pthread_mutex_destroy(&ways->lock);
	for (unsigned i = 0; i < ways->processes; i++) {
		health_fini(&ways->shared[i].health);
		wire_pool_free(&ways->shared[i].pool);
	}
	memory_free(ways->shared);
}

/* ---- using ---- */

uint64_t
ways_process(const struct ways *ways, uint64_t account)
{
	return account_id_is_system(account) ? account :
		account % ways->processes;
}

static struct way *
new_way(struct ways *ways, uint64_t account)
{
	struct way *way = memory_new(sizeof(*way));
	way->account = account;
	way->pool = wire_pool_new(ways->lot, "user-lmtp",
		account_id_uid(account));
	wire_pool_share(way->pool, &ways->owners);
	health_init(&way->health);
	return way;
}

struct way *
ways_take(struct ways *ways, uint64_t account)
{
	if (!account_id_is_system(account))
		return &ways->shared[account % ways->processes];
	pthread_mutex_lock(&ways->lock);
	struct way *way = map_get(&ways->by_account, map_key_u64(&account));
	if (way == NULL) {
		way = new_way(ways, account);
		map_put(&ways->by_account, map_key_u64(&way->account), way);
	} else if (way->users == 0) {
		unlink_way(ways, way);
	}
	way->users++;
	pthread_mutex_unlock(&ways->lock);
	return way;
}

void
ways_give(struct ways *ways, struct way **way)
{
	struct way *given = *way, *old = NULL;
	*way = NULL;
	if (given == NULL || given->account == 0)
		return;
	pthread_mutex_lock(&ways->lock);
	assert(given->users > 0);
	if (--given->users == 0)
		link_way(ways, given);
	if (ways->kept > WAYS_KEPT)
		old = take_oldest(ways);
	pthread_mutex_unlock(&ways->lock);
	if (old != NULL)
		free_way(&old);
}
