/*
 * An open account inside the store: the log, what its head says, and, when it
 * is open, the index. Two versions of everything stand side by side: what is
 * published (durable, seen by readers, under `lock`) and what the leader is
 * working on. Who leads is decided in commit.h; only the leader touches what is
 * marked as the leader's, and he needs no lock to read what he alone writes.
 *
 * Order of locks: the compactor's, store.lock, account.lock, then those of index.h.
 */
#ifndef STORE_ACCOUNT_H
#define STORE_ACCOUNT_H

#include "store/index.h"
#include "store/record.h"
#include "store/store.h"

enum {
	TRANSACTION_LIMIT = 512,
	TRANSACTION_SECONDS = 3600,
};

struct mailbox_facts {
	bool is_there;			/* in the list */
	bool is_name_only, is_subscribed;
	struct span name;		/* owned; shared by both versions when equal */
	unsigned use;
	uint32_t uid_validity, uid_next;
	uint64_t modseq;
};

enum mailbox_since_base { BASE_SAME, BASE_NUMBERS, BASE_ALL };

struct mailbox {
	uint32_t id;
	struct mailbox_facts published;		/* lock */
	struct mailbox_facts working;		/* the leader's */
	struct tree *published_tree;		/* lock; NULL: no index */
	struct tree *tree;			/* the leader's */
	uint32_t recent;			/* lock; first recent UID */
	bool is_touched;			/* by the change under way */
	enum mailbox_since_base since_base;	/* the leader's */
};

struct counters {
	uint64_t modseq;
	uint32_t next_mailbox, uid_validity;
	uint64_t bytes, messages;	/* against the quota */
};

struct transaction {
	uint64_t key;
	int64_t second;
};

/* Where the last base is, and what was written since. The leader's. */
struct head_base {
	struct log_position position;	/* segment 0: none */
	uint64_t size;
	uint64_t heads_size;
	uint32_t *gone;			/* mailboxes */
	size_t gone_count, gone_published;
	size_t transactions;		/* of the list's first, how many are in it */
};

enum account_state { ACCOUNT_OPENING, ACCOUNT_OPEN, ACCOUNT_CLOSING };

struct op;
struct compactor;

/* In a list, the one used longest ago first. */
struct account_link {
	struct account *account;	/* NULL: not in it */
	struct account_link *before, *after;
};

struct account {
	struct store *store;
	uint64_t id;

	/* Guarded by store.lock. */
	enum account_state state;
	unsigned users;			/* handles, views, the background thread */
	unsigned handles;
	struct account_link idle;	/* in the list of those without users */
	struct account_link indexed;	/* in the list of those with an index */
	struct account *next_dirty;
	atomic_bool is_on_dirty_list;

	pthread_mutex_t lock;
	struct op *first, *last;	/* waiting */
	unsigned waiting;		/* how many */
	unsigned company;		/* as many came together last time */
	int64_t group_time;		/* ms the last group took, sync and all */
	int64_t gather_least;		/* ms it is waited for them; 0: the usual */
	bool is_gathering;		/* the leader waits for company */
	pthread_cond_t gathered;
	bool is_led;			/* or the first of those who wait is to */
	struct index *index;		/* NULL: not open; set by the leader */
	struct mailbox **mailbox;	/* by id; changed by the leader */
	size_t mailbox_count, mailbox_room;
	struct counters published;
	uint64_t quota_limit;
	bool is_lost;			/* the claim */
	struct mailbox **sorted;	/* published names; NULL: to be made */
	size_t sorted_count;

	/* The leader's. */
	struct log *log;
	struct counters working;
	struct transaction *transaction;	/* oldest first */
	size_t transaction_count, transaction_published;
	struct head_base base;
	struct buffer head;
	uint64_t generation;
	uint64_t last_segment;		/* the space was looked at up to there */
	atomic_bool wants_space;	/* something may have become free */
	uint64_t state_size;		/* of the last whole state, in bytes */
	bool is_swept;			/* of bodies that no record names */

	struct compactor *compactor;	/* has a lock of its own */
	struct mirror *mirror;		/* NULL: mail is in the log */
};

enum { ACCOUNT_ID_TEXT = 17 };

/* 16 hex digits. */
void
account_id_text(uint64_t id, char out[ACCOUNT_ID_TEXT]);

/* A handle. */
struct store_account {
	struct account *account;
	uint64_t actor;
	char trace[16];
};

/* ---- mailboxes ---- */

/* NULL when there is none. By the leader, or with the lock held. */
struct mailbox *
account_mailbox(const struct account *account, uint32_t id);
/* By the leader with the lock held: adds one, which is not in the list yet. */
struct mailbox *
account_mailbox_add(struct account *account, uint32_t id);
/* By the leader with the lock held: frees what is in neither version. */
void
account_mailbox_remove(struct account *account, struct mailbox *mailbox);
/* Working version, by the leader: a mailbox or a name; NULL when there is none. */
struct mailbox *
account_mailbox_named(const struct account *account, struct span name);

/* The working version gets a copy of the name. */
void
mailbox_set_name(struct mailbox *mailbox, struct span name);
/* Makes the versions equal: the working one counts, or the published one. The
 * lock is held. */
void
mailbox_publish(struct mailbox *mailbox);
void
mailbox_revert(struct mailbox *mailbox);

/* ---- opening and closing, account.c ---- */

struct account *
account_new(struct store *store, uint64_t id);
/* Opens the log and reads the head; *is_new: there is nothing in it. */
int
account_start(struct account *account, bool create, bool *is_new,
	struct error *error);
/* Writes what the index lacks and closes everything. Nobody uses it. */
void
account_stop(struct account *account);
/* After account_stop, and when nobody can find it any more. */
void
account_free(struct account **account);

/* Is this handle's actor allowed in? */
bool
account_allows(const struct store_account *handle);

/* ---- the index, account_index.c ---- */

/* By the leader: opens the index and brings it up to the log's end. */
int
account_index_open(struct account *account, struct error *error);
/* By the leader: closes it. What is dirty was flushed or is given up. */
void
account_index_close(struct account *account);

/* By the leader: closes it when no reader has it. */
void
account_index_close_unused(struct account *account);

/*
 * For readers: the published tree of a mailbox (NULL: not asked for) and the
 * index, which is opened if need be. The caller frees both.
 */
enum store_verdict
account_tree_get(const struct store_account *handle, uint32_t mailbox,
	struct index **index, struct tree **tree, struct error *error);

#endif
