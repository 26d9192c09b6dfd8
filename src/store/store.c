/*
 * The store: which accounts are open, handles to them, and which are closed
 * when there are too many. Operations on an account are in op_*.c, reading in
 * view*.c and body.c.
 */
#include "store/store_inner.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/engine.h"
#include "store/mirror_watch.h"
#include "store/op.h"

enum {
	INDEX_LIMIT = 512,
	ACCOUNT_LIMIT = 4096,
	SEGMENT_SIZE = 16 << 20,
	BIG_SIZE = 1 << 20,
	BLOCK_MEMORY = 128 << 20,	/* bytes, of all accounts */
};

/* ---- lists ---- */

static void
account_list_init(struct account_list *list)
{
	list->end.before = list->end.after = &list->end;
}

void
account_list_add(struct account_list *list, struct account_link *link,
	struct account *account)
{
	assert(link->account == NULL);
	link->account = account;
	link->after = &list->end;
	link->before = list->end.before;
	link->before->after = link;
	list->end.before = link;
	list->count++;
}

void
account_list_remove(struct account_list *list, struct account_link *link)
{
	if (link->account == NULL)
		return;
	link->account = NULL;
	link->before->after = link->after;
	link->after->before = link->before;
	list->count--;
}

/* ---- the store ---- */

int
store_open(const struct store_options *options, struct store **store,
	struct error *error)
{
	if (options->engine == NULL)
		return error_set(error, ERROR_USAGE, "a store needs an engine");
	struct store *new = memory_new(sizeof(*new));
	new->engine = options->engine;
	new->index_limit = options->index_limit != 0 ? options->index_limit :
		INDEX_LIMIT;
	new->account_limit = options->account_limit != 0 ?
		options->account_limit : ACCOUNT_LIMIT;
	new->segment_size = options->segment_size != 0 ?
		options->segment_size : SEGMENT_SIZE;
	new->big_size = options->big_size != 0 ? options->big_size : BIG_SIZE;
	new->wall_clock = options->wall_clock != NULL ? options->wall_clock :
		clock_wall;
	new->format = options->format;
	new->budget.limit = options->block_memory != 0 ?
		options->block_memory : BLOCK_MEMORY;
	pthread_mutex_init(&new->lock, NULL);
	pthread_cond_init(&new->changed, NULL);
	pthread_mutex_init(&new->watch_lock, NULL);
	map_init(&new->accounts);
	map_init(&new->watches);
	account_list_init(&new->idle);
	account_list_init(&new->indexed);
	store_background_start(new);
	if (new->format != NULL)
		new->watcher = mirror_watcher_new(new);
	*store = new;
	return 0;
}

void
store_close(struct store **store)
{
	struct store *old = *store;
	size_t cursor = 0;
	struct span key;
	void *value;
	*store = NULL;
	if (old == NULL)
		return;
	store_background_stop(old);
	while (map_next(&old->accounts, &cursor, &key, &value)) {
		struct account *account = value;
		assert(account->users == 0);
		account_list_remove(&old->idle, &account->idle);
		account_stop(account);
		account_free(&account);
	}
	mirror_watcher_free(&old->watcher);
	map_fini(&old->accounts);
	map_fini(&old->watches);
	pthread_mutex_destroy(&old->lock);
	pthread_mutex_destroy(&old->watch_lock);
	pthread_cond_destroy(&old->changed);
	memory_free(old);
}

/* ---- accounts ---- */

/* With the store's lock held, which is given up for a while: closes an account
 * that nobody uses. Those who want to open it wait. */
static void
close_account(struct store *store, struct account *account)
{
	uint64_t id = account->id;
	account->state = ACCOUNT_CLOSING;
	account_list_remove(&store->idle, &account->idle);
	pthread_mutex_unlock(&store->lock);
	account_stop(account);
	pthread_mutex_lock(&store->lock);
	map_take(&store->accounts, map_key_u64(&id));
	account_free(&account);
	pthread_cond_broadcast(&store->changed);
}

static void
close_too_many(struct store *store)
{
	while (store->idle.count > 0 &&
	    map_count(&store->accounts) > store->account_limit)
		close_account(store, store->idle.end.after->account);
}

void
store_pin(struct account *account)
{
	struct store *store = account->store;
	pthread_mutex_lock(&store->lock);
	assert(account->users > 0);
	account->users++;
	pthread_mutex_unlock(&store->lock);
}

void
store_unpin(struct account *account)
{
	struct store *store = account->store;
	pthread_mutex_lock(&store->lock);
	assert(account->users > 0);
	if (--account->users == 0) {
		account_list_add(&store->idle, &account->idle, account);
		pthread_cond_broadcast(&store->changed);
		close_too_many(store);
	}
	pthread_mutex_unlock(&store->lock);
}

void
store_note_index(struct account *account, bool is_open)
{
	struct store *store = account->store;
	pthread_mutex_lock(&store->lock);
	account_list_remove(&store->indexed, &account->indexed);
	if (is_open)
		account_list_add(&store->indexed, &account->indexed, account);
	if (store->indexed.count > store->index_limit)
		pthread_cond_signal(&store->wake);
	pthread_mutex_unlock(&store->lock);
}

/* The account, with the store's lock held, when it is open; one user more. NULL:
 * it is not, and the caller opens it. */
static struct account *
find_open(struct store *store, uint64_t id)
{
	struct account *account;
	for (;;) {
		account = map_get(&store->accounts, map_key_u64(&id));
		if (account == NULL)
			return NULL;
		if (account->state != ACCOUNT_OPEN) {
			pthread_cond_wait(&store->changed, &store->lock);
			continue;
		}
		/* Another process had it; perhaps not any more. */
		if (account->users == 0 && account->is_lost)
			close_account(store, account);
		else
			break;
	}
	account_list_remove(&store->idle, &account->idle);
	if (account->indexed.account != NULL) {
		account_list_remove(&store->indexed, &account->indexed);
		account_list_add(&store->indexed, &account->indexed, account);
	}
	account->users++;
	return account;
}

static int
start(struct account *account, unsigned flags, struct error *error)
{
	bool is_new = false;
	bool create = (flags & STORE_CREATE) != 0;
	if (account_start(account, create, &is_new, error) < 0)
		return -1;
	return is_new ? op_create_folders(account,
		(flags & STORE_FOLDERS) != 0 && account->mirror == NULL,
		error) : 0;
}

/* Opens it; the store's lock is held, but not while it goes on. */
static struct account *
open_new(struct store *store, uint64_t id, unsigned flags,
	struct error *error)
{
	struct account *account = account_new(store, id);
	account->users = 1;
	map_put(&store->accounts, map_key_u64(&id), account);
	pthread_mutex_unlock(&store->lock);
	int result = start(account, flags, error);
	if (result < 0)
		account_stop(account);
	pthread_mutex_lock(&store->lock);
	account->state = ACCOUNT_OPEN;
	if (result < 0) {
		map_take(&store->accounts, map_key_u64(&id));
		account_free(&account);
	}
	pthread_cond_broadcast(&store->changed);
	return account;
}

int
store_account_open(struct store *store, uint64_t account_id, uint64_t actor,
	unsigned flags, struct store_account **handle, struct error *error)
{
	*handle = NULL;
	pthread_mutex_lock(&store->lock);
	struct account *account = find_open(store, account_id);
	if (account == NULL) {
		account = open_new(store, account_id, flags, error);
		close_too_many(store);
	}
	if (account != NULL)
		account->handles++;
	pthread_mutex_unlock(&store->lock);
	if (account == NULL)
		return -1;
	struct store_account *new = memory_new(sizeof(*new));
	new->account = account;
	new->actor = actor;
	*handle = new;
	return 0;
}

void
store_account_close(struct store_account **handle)
{
	if (*handle == NULL)
		return;
	struct account *account = (*handle)->account;
	pthread_mutex_lock(&account->store->lock);
	account->handles--;
	pthread_mutex_unlock(&account->store->lock);
	store_unpin(account);
	memory_free(*handle);
	*handle = NULL;
}

uint64_t
store_account_id(const struct store_account *handle)
{
	return handle->account->id;
}

void
store_account_set_trace(struct store_account *handle, const char *trace)
{
	size_t size = strnlen(trace, sizeof(handle->trace));
	memset(handle->trace, 0, sizeof(handle->trace));
	memcpy(handle->trace, trace, size);
}

/* Closes it if it is open, once the background has done with it; the store's
 * lock is held. False: somebody has a handle. */
static bool
close_for_good(struct store *store, uint64_t id)
{
	for (;;) {
		struct account *account = map_get(&store->accounts,
			map_key_u64(&id));
		if (account == NULL)
			return true;
		if (account->handles > 0)
			return false;
		if (account->state == ACCOUNT_OPEN && account->users == 0)
			close_account(store, account);
		else
			pthread_cond_wait(&store->changed, &store->lock);
	}
}

int
store_account_delete(struct store *store, uint64_t account_id,
	struct error *error)
{
	struct span key = map_key_u64(&account_id);
	pthread_mutex_lock(&store->lock);
	if (!close_for_good(store, account_id)) {
		pthread_mutex_unlock(&store->lock);
		return error_set(error, ERROR_LATER,
			"account %016llx is in use",
			(unsigned long long)account_id);
	}
	/* A stand-in, so that nobody opens it meanwhile. */
	struct account *account = account_new(store, account_id);
	map_put(&store->accounts, key, account);
	pthread_mutex_unlock(&store->lock);
	int result = store->engine->call->destroy(store->engine, account_id,
		error);
	pthread_mutex_lock(&store->lock);
	map_take(&store->accounts, key);
	pthread_cond_broadcast(&store->changed);
	pthread_mutex_unlock(&store->lock);
	account_free(&account);
	return result;
}

/* ---- quota ---- */

void
store_quota_set_limit(struct store_account *handle, uint64_t bytes_limit)
{
	struct account *account = handle->account;
	pthread_mutex_lock(&account->lock);
	account->quota_limit = bytes_limit;
	pthread_mutex_unlock(&account->lock);
}

void
store_quota_get(struct store_account *handle, struct store_quota *quota)
{
	struct account *account = handle->account;
	pthread_mutex_lock(&account->lock);
	quota->bytes = account->published.bytes;
	quota->messages = account->published.messages;
	quota->bytes_limit = account->quota_limit;
	pthread_mutex_unlock(&account->lock);
}
