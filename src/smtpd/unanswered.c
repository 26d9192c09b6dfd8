/* What is remembered of transactions without an answer; see unanswered.h. */
#include "smtpd/unanswered.h"

#include <pthread.h>
#include <string.h>

#include "base/map.h"
#include "base/memory.h"
#include "base/random.h"

/* In the list in the order of their expiry. */
struct entry {
	struct unanswered_try try;
	int64_t expires;
	struct entry *previous, *next;
};

struct unanswered {
	pthread_mutex_t lock;		/* of all below */
	struct map entries;		/* by fingerprint */
	struct entry *oldest, *newest;
};

static struct span
key_of(const struct unanswered_try *try)
{
	return span_of(try->fingerprint, sizeof(try->fingerprint));
}

struct unanswered *
unanswered_new(void)
{
	struct unanswered *unanswered = memory_new(sizeof(*unanswered));
	pthread_mutex_init(&unanswered->lock, NULL);
	map_init(&unanswered->entries);
	return unanswered;
}

static void
drop(struct unanswered *unanswered, struct entry *entry)
{
	map_take(&unanswered->entries, key_of(&entry->try));
	if (entry->previous != NULL)
		entry->previous->next = entry->next;
	else
		unanswered->oldest = entry->next;
	if (entry->next != NULL)
		entry->next->previous = entry->previous;
	else
		unanswered->newest = entry->previous;
	memory_free(entry);
}

void
unanswered_free(struct unanswered **unanswered)
{
	if (*unanswered == NULL)
		return;
	while ((*unanswered)->oldest != NULL)
		drop(*unanswered, (*unanswered)->oldest);
	map_fini(&(*unanswered)->entries);
	pthread_mutex_destroy(&(*unanswered)->lock);
	memory_free(*unanswered);
	*unanswered = NULL;
}

static void
drop_expired(struct unanswered *unanswered, int64_t now)
{
	while (unanswered->oldest != NULL &&
	    (unanswered->oldest->expires <= now ||
	    map_count(&unanswered->entries) > UNANSWERED_LIMIT))
		drop(unanswered, unanswered->oldest);
}

void
unanswered_choose(struct unanswered *unanswered, struct unanswered_try *try,
	int64_t now)
{
	pthread_mutex_lock(&unanswered->lock);
	drop_expired(unanswered, now);
	struct entry *entry = map_get(&unanswered->entries, key_of(try));
	if (entry != NULL) {
		*try = entry->try;
		drop(unanswered, entry);
	}
	pthread_mutex_unlock(&unanswered->lock);
	if (entry != NULL)
		return;
	/* Nobody guesses it by what he sees; one system call serves many. */
	uint64_t id[2] = { random_u64(), random_u64() };
	_Static_assert(sizeof(id) == sizeof(try->transaction), "two numbers");
	memcpy(try->transaction, id, sizeof(id));
}

void
unanswered_remember(struct unanswered *unanswered,
	const struct unanswered_try *try, int64_t now)
{
	struct entry *entry = memory_new(sizeof(*entry));
	entry->try = *try;
	entry->expires = now + UNANSWERED_KEEP;
	pthread_mutex_lock(&unanswered->lock);
	struct entry *old = map_get(&unanswered->entries, key_of(try));
	if (old != NULL)
		drop(unanswered, old);
	map_put(&unanswered->entries, key_of(try), entry);
	entry->previous = unanswered->newest;
	if (unanswered->newest != NULL)
		unanswered->newest->next = entry;
	else
		unanswered->oldest = entry;
	unanswered->newest = entry;
	drop_expired(unanswered, now);
	pthread_mutex_unlock(&unanswered->lock);
}

/* ---- lists ---- */

void
unanswered_list_add(struct unanswered_list *list,
	const struct unanswered_try *try)
{
	if (list->count == list->room) {
		list->room = list->room == 0 ? 1 : list->room * 2;
		list->try = memory_resize(list->try, list->room *
			sizeof(*list->try));
	}
	list->try[list->count++] = *try;
}

void
unanswered_list_clear(struct unanswered_list *list)
{
	memory_free(list->try);
	*list = (struct unanswered_list){ .count = 0 };
}

void
unanswered_list_remember(struct unanswered_list *list,
	struct unanswered *unanswered, int64_t now)
{
	for (uint32_t i = 0; i < list->count; i++)
		unanswered_remember(unanswered, &list->try[i], now);
	unanswered_list_clear(list);
}
