/*
 * The list of domains from auth (ARCHITECTURE.md 2.2, auth-domains). It is asked
 * for without the lock; whoever has the newer list puts it in its place.
 */
#include "web/domains.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "proto/address.h"
#include "serve/counter.h"
#include "serve/row_call.h"

struct list {
	struct arena arena;
	struct map names;		/* of spans in the arena */
	size_t count;
};

struct domains {
	struct row_caller *auth;
	pthread_mutex_t lock;		/* of the following */
	struct list *list;		/* NULL: none yet */
	uint64_t generation;		/* of accounts, when it was asked for */
};

static struct list *
list_new(void)
{
	struct list *new = memory_new(sizeof(*new));
	arena_init(&new->arena, 0);
	map_init(&new->names);
	return new;
}

static void
list_free(struct list **list)
{
	if (*list == NULL)
		return;
	map_fini(&(*list)->names);
	arena_fini(&(*list)->arena);
	memory_free(*list);
	*list = NULL;
}

struct domains *
domains_new(struct lot *lot)
{
	struct domains *new = memory_new(sizeof(*new));
	new->auth = row_caller_new(lot, "auth-domains");
	pthread_mutex_init(&new->lock, NULL);
	return new;
}

void
domains_free(struct domains **domains)
{
	struct domains *old = *domains;
	if (old == NULL)
		return;
	row_caller_free(&old->auth);
	list_free(&old->list);
	pthread_mutex_destroy(&old->lock);
	memory_free(old);
	*domains = NULL;
}

void
domains_forget(struct domains *domains)
{
	pthread_mutex_lock(&domains->lock);
	list_free(&domains->list);
	pthread_mutex_unlock(&domains->lock);
}

static void
take_row(void *context, const struct tabline *row)
{
	struct list *list = context;
	struct span domain;
	if (!tabline_get(row, 2, "domain", &domain) ||
	    !address_domain_to_ascii(&list->arena, domain, &domain) ||
	    list->count == DOMAINS_LIMIT)
		return;
	list->count++;
	map_put(&list->names, arena_copy_lower(&list->arena, domain), list);
}

/* Does the lock, then forgets it. */
static enum domains_verdict
look(struct domains *domains, struct span domain)
{
	enum domains_verdict verdict = DOMAINS_LATER;
	uint64_t now = atomic_load(&counter_generations()->accounts);
	pthread_mutex_lock(&domains->lock);
	if (domains->list != NULL && domains->generation == now)
		verdict = map_get(&domains->list->names, domain) != NULL ?
			DOMAINS_OURS : DOMAINS_OTHERS;
	pthread_mutex_unlock(&domains->lock);
	return verdict;
}

/* In A-labels. */
static enum domains_verdict
judge(struct domains *domains, struct span domain)
{
	struct error error;
	enum domains_verdict verdict = look(domains, domain);
	if (verdict != DOMAINS_LATER)
		return verdict;
	uint64_t generation = atomic_load(&counter_generations()->accounts);
	struct list *list = list_new();
	if (row_call(domains->auth, &(struct row_request){
	    .command = "DOMAINS", .row = take_row, .context = list,
	    .deadline = clock_monotonic() + DOMAINS_WAIT }, &error) < 0) {
		log_event(LOG_WARN, "domains-not-known", NULL,
			LOG_TEXT("reason", error.text));
		list_free(&list);
		return DOMAINS_LATER;
	}
	verdict = map_get(&list->names, domain) != NULL ? DOMAINS_OURS :
		DOMAINS_OTHERS;
	pthread_mutex_lock(&domains->lock);
	struct list *old = domains->list;
	domains->list = list;
	domains->generation = generation;
	pthread_mutex_unlock(&domains->lock);
	list_free(&old);
	return verdict;
}

enum domains_verdict
domains_judge(struct domains *domains, struct span domain)
{
	enum domains_verdict verdict = DOMAINS_OTHERS;
	struct arena arena;
	struct span ascii;
	arena_init(&arena, 0);
	if (address_domain_to_ascii(&arena, domain, &ascii))
		verdict = judge(domains, arena_copy_lower(&arena, ascii));
	arena_fini(&arena);
	return verdict;
}
