/*
 * The thread behind the store: writes to the indexes what was acknowledged a
 * moment ago, sees to the space of logs, closes indexes that nobody looked at
 * for long. It sleeps while there is nothing of this to do.
 */
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/commit.h"
#include "store/compact.h"
#include "store/op.h"
#include "store/store_inner.h"

enum {
	FOLLOW_MS = 500,			/* how far an index may be behind */
	FOLLOW_CHANGES = 2000,		/* or this much; a message is about four */
	AGAIN_MS = 1000,		/* after a failure */
};

static void
list_dirty(struct account *account, bool is_urgent)
{
	struct store *store = account->store;
	if (atomic_load(&account->is_on_dirty_list) && !is_urgent)
		return;
	pthread_mutex_lock(&store->lock);
	if (!atomic_load(&account->is_on_dirty_list)) {
		if (store->dirty == NULL) {
			store->dirty_since = clock_monotonic();
			pthread_cond_signal(&store->wake);
		}
		atomic_store(&account->is_on_dirty_list, true);
		account_list_remove(&store->idle, &account->idle);
		account->users++;
		account->next_dirty = store->dirty;
		store->dirty = account;
	}
	if (is_urgent && !store->is_urgent) {
		store->is_urgent = true;
		pthread_cond_signal(&store->wake);
	}
	pthread_mutex_unlock(&store->lock);
}

void
store_note_dirty(struct account *account, struct index *index)
{
	pthread_mutex_lock(&index->dirty_lock);
	bool is_urgent = index->dirty->changes > FOLLOW_CHANGES;
	pthread_mutex_unlock(&index->dirty_lock);
	list_dirty(account, is_urgent);
}

/* False: it must be tried again. */
static bool
write_index(struct account *account)
{
	struct error error;
	bool is_written = true;
	pthread_mutex_lock(&account->lock);
	struct index *index = account->index == NULL ? NULL :
		index_share(account->index);
	pthread_mutex_unlock(&account->lock);
	if (index == NULL)
		return true;
	if (!atomic_load(&index->is_broken) && index_is_dirty(index) &&
	    index_flush(index, &error) < 0 &&
	    !atomic_load(&index->is_broken)) {
		is_written = false;
		store_note_dirty(account, index);
		log_event(LOG_WARN, "index-not-written", NULL,
			LOG_TEXT("reason", error.text));
	}
	index_free(&index);
	return is_written;
}

/* The list it was on is a user of the account. */
static bool
see_to(struct account *account)
{
	atomic_store(&account->is_on_dirty_list, false);
	bool is_done = write_index(account);
	if (is_done && atomic_exchange(&account->wants_space, false))
		op_see_to_space(account);
	if (is_done && compact_step(account))
		list_dirty(account, false);
	return is_done;
}

/* With the store's lock held, which is given up meanwhile: what was dirty when
 * it begins. True when all of it could be written. */
static bool
see_to_all(struct store *store)
{
	bool all_done = true;
	struct account *account = store->dirty, *next;
	store->dirty = NULL;
	store->is_urgent = false;
	for (; account != NULL; account = next) {
		next = account->next_dirty;
		pthread_mutex_unlock(&store->lock);
		all_done &= see_to(account);
		store_unpin(account);
		pthread_mutex_lock(&store->lock);
	}
	return all_done;
}

/* An index is closed when nobody looks at it and nobody leads. */
static void
close_index(struct account *account)
{
	if (!commit_enter(account))
		return;
	if (write_index(account))
		account_index_close_unused(account);
	commit_leave(account);
}

static void
close_indexes(struct store *store)
{
	size_t looks = store->indexed.count - store->index_limit + 16;
	while (looks-- > 0 && store->indexed.count > store->index_limit) {
		struct account *account = store->indexed.end.after->account;
		account_list_remove(&store->indexed, &account->indexed);
		account_list_add(&store->indexed, &account->indexed, account);
		if (account->state != ACCOUNT_OPEN)
			continue;
		account_list_remove(&store->idle, &account->idle);
		account->users++;
		pthread_mutex_unlock(&store->lock);
		close_index(account);
		store_unpin(account);
		pthread_mutex_lock(&store->lock);
	}
}

static void
wait_until(struct store *store, int64_t when)
{
	struct timespec at = { .tv_sec = when / 1000,
		.tv_nsec = when % 1000 * 1000000 };
	pthread_cond_timedwait(&store->wake, &store->lock, &at);
}

static void *
run(void *context)
{
	struct store *store = context;
	int64_t not_before = 0;
	pthread_mutex_lock(&store->lock);
	while (!store->is_stopping) {
		int64_t when = store->dirty_since + FOLLOW_MS;
		if (when < not_before)
			when = not_before;
		if (store->indexed.count > store->index_limit)
			close_indexes(store);
		if (store->dirty == NULL)
			pthread_cond_wait(&store->wake, &store->lock);
		else if (clock_monotonic() < when &&
		    (!store->is_urgent || not_before != 0))
			wait_until(store, when);
		else
			not_before = see_to_all(store) ? 0 :
				clock_monotonic() + AGAIN_MS;
	}
	pthread_mutex_unlock(&store->lock);
	return NULL;
}

void
store_background_start(struct store *store)
{
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&store->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_create(&store->thread, NULL, run, store);
}

void
store_background_stop(struct store *store)
{
	pthread_mutex_lock(&store->lock);
	store->is_stopping = true;
	pthread_cond_signal(&store->wake);
	pthread_mutex_unlock(&store->lock);
	pthread_join(store->thread, NULL);
	pthread_cond_destroy(&store->wake);
	for (struct account *account = store->dirty; account != NULL;
	    account = account->next_dirty)
		account->users--;
}
