/*
 * Who wants to know when an account changes. Called by the leader after he has
 * published, with nothing held but the list of watches itself: that is what
 * makes removal final.
 */
#include "base/memory.h"
#include "store/store_inner.h"

void
store_watch_add(struct store *store, struct store_watch *watch)
{
	struct span key = map_key_u64(&watch->account_id);
	pthread_mutex_lock(&store->watch_lock);
	watch->next = map_get(&store->watches, key);
	map_put(&store->watches, key, watch);
	pthread_mutex_unlock(&store->watch_lock);
}

void
store_watch_remove(struct store *store, struct store_watch *watch)
{
	struct span key = map_key_u64(&watch->account_id);
	pthread_mutex_lock(&store->watch_lock);
	struct store_watch *first = map_get(&store->watches, key), *before;
	if (first == watch && watch->next == NULL) {
		map_take(&store->watches, key);
	} else if (first == watch) {
		map_put(&store->watches, key, watch->next);
	} else {
		for (before = first; before != NULL; before = before->next) {
			if (before->next != watch)
				continue;
			before->next = watch->next;
			break;
		}
	}
	watch->next = NULL;
	pthread_mutex_unlock(&store->watch_lock);
}

bool
store_is_watched(struct store *store, uint64_t account)
{
	pthread_mutex_lock(&store->watch_lock);
	bool is_watched = map_get(&store->watches,
		map_key_u64(&account)) != NULL;
	pthread_mutex_unlock(&store->watch_lock);
	return is_watched;
}

void
store_tell(const struct account *account, const uint32_t *mailboxes,
	size_t count)
{
	store_tell_of(account->store, account->id, mailboxes, count);
}

void
store_tell_of(struct store *store, uint64_t account,
	const uint32_t *mailboxes, size_t count)
{
	if (count == 0)
		return;
	pthread_mutex_lock(&store->watch_lock);
	for (struct store_watch *watch = map_get(&store->watches,
	    map_key_u64(&account)), *next; watch != NULL; watch = next) {
		next = watch->next;
		for (size_t i = 0; i < count; i++)
			watch->changed(watch, mailboxes[i]);
	}
	pthread_mutex_unlock(&store->watch_lock);
}
