/*
 * The store inside: accounts that are open, who is watched, and the thread that
 * lets indexes follow their logs.
 *
 * store.lock comes before account.lock. watch_lock is never held together with
 * another, but by those who are called.
 */
#ifndef STORE_STORE_INNER_H
#define STORE_STORE_INNER_H

#include "store/account.h"

struct account_list {
	struct account_link end;	/* a ring: end.after is the oldest */
	size_t count;
};

struct store {
	struct engine *engine;
	size_t index_limit, account_limit;
	uint64_t segment_size, big_size;
	int64_t (*wall_clock)(void);
	struct format *format;		/* NULL: native */
	struct mirror_watcher *watcher;	/* of its files */
	struct budget budget;

	pthread_mutex_t lock;
	pthread_cond_t changed;		/* the state of an account */
	struct map accounts;		/* id: struct account * */
	struct account_list idle, indexed;

	/* The background thread's, under lock. */
	pthread_t thread;
	pthread_cond_t wake;
	struct account *dirty;
	int64_t dirty_since;		/* monotonic; of the oldest */
	bool is_urgent, is_stopping;

	pthread_mutex_t watch_lock;
	struct map watches;		/* account id: the first of them */
};

/* ---- accounts ---- */

/* One user more; the account is one already. */
void
store_pin(struct account *account);
/* One user less; closes what is too much. */
void
store_unpin(struct account *account);

/* The account's index was opened or closed. */
void
store_note_index(struct account *account, bool is_open);

/* Lists are guarded by store.lock. */
void
account_list_add(struct account_list *list, struct account_link *link,
	struct account *account);
void
account_list_remove(struct account_list *list, struct account_link *link);

/* ---- the background, background.c ---- */

void
store_background_start(struct store *store);
/* Ends the thread; what is dirty stays so. */
void
store_background_stop(struct store *store);

/* The account's index, which the caller has, has something to write; the space
 * is looked after as well. */
void
store_note_dirty(struct account *account, struct index *index);

/* ---- watching, watch.c ---- */

void
store_tell(const struct account *account, const uint32_t *mailboxes,
	size_t count);
void
store_tell_of(struct store *store, uint64_t account,
	const uint32_t *mailboxes, size_t count);
/* Does anybody watch the account? */
bool
store_is_watched(struct store *store, uint64_t account);

#endif
