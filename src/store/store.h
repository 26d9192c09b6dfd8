/*
 * The only door to accounts and their mail. An account is an append-only log;
 * what a function here has answered STORE_OK is durable. Formats: doc/formats.
 * Reading (views, bodies) is in store/view.h, which belongs to this door.
 *
 * All functions may be called from any thread and block until durable unless
 * they say otherwise. Exactly one process has an account open (the engine's
 * claim). Access rights are checked here: a handle carries its actor.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/span.h"
#include "proto/number_set.h"

struct store;
struct store_account;	/* a handle: an open account seen by one actor */
struct engine;
struct format;

enum {
	STORE_NAME_LIMIT = 1000,	/* bytes of a mailbox name, UTF-8 */
	STORE_MAILBOX_LIMIT = 10000,	/* per account */
	STORE_KEYWORD_LIMIT = 56,	/* per mailbox */
	STORE_KEYWORD_SIZE = 128,
	STORE_APPEND_LIMIT = 1000,	/* messages in one store_append */
	STORE_TRANSACTION_SIZE = 16,
	STORE_ANNOTATION_LIMIT = 1 << 20,
};

enum store_verdict {
	STORE_OK,
	STORE_NO_MAILBOX,	/* it is not there (any more) */
	STORE_NO_MESSAGE,
	STORE_EXISTS,		/* a mailbox of that name is there */
	STORE_BAD_NAME,
	STORE_HAS_CHILDREN,
	STORE_OVER_QUOTA,
	STORE_TOO_MANY,		/* mailboxes, keywords */
	STORE_DENIED,
	STORE_DUPLICATE,	/* this transaction was stored before: as good as OK */
	STORE_TROUBLE,		/* ours: struct error says what; nothing was done */
};

struct store_options {
	struct engine *engine;		/* store/engine.h; borrowed */
	unsigned index_limit;		/* open indexes (LRU); 0: 512 */
	unsigned account_limit;		/* light handles kept (LRU); 0: 4096 */
	uint64_t segment_size;		/* 0: 16 MiB */
	uint64_t big_size;		/* bodies above go to files of their own; 0: 1 MiB */
	uint64_t block_memory;		/* bytes of mailboxes' blocks kept; 0: 128 MiB */
	int64_t (*wall_clock)(void);	/* ms; NULL: clock_wall */
	struct format *format;		/* store/format.h; borrowed. NULL: native */
};

int
store_open(const struct store_options *options, struct store **store,
	struct error *error);

/* Applies what indexes lack, gives the claims back. No handle may be open. */
void
store_close(struct store **store);

/* ---- accounts ---- */

enum store_open_flag {
	STORE_CREATE = 1,	/* make it if it is not there, with STORE_FOLDERS */
	STORE_FOLDERS = 2,	/* INBOX, Drafts, Sent, Junk, Trash, Archive; else INBOX only */
};

/*
 * GONE: no such account. LOST_CLAIM: another process has it. Opening reads the
 * head record, not the index; the first call that needs the index opens it.
 */
int
store_account_open(struct store *store, uint64_t account_id, uint64_t actor,
	unsigned flags, struct store_account **account, struct error *error);
void
store_account_close(struct store_account **account);

uint64_t
store_account_id(const struct store_account *account);

/* The trace id that the next records of this handle carry (16 characters). */
void
store_account_set_trace(struct store_account *account, const char *trace);

/* limits: 0 is none. Used space counts every placement. */
struct store_quota {
	uint64_t bytes, messages, bytes_limit;
};
void
store_quota_set_limit(struct store_account *account, uint64_t bytes_limit);
void
store_quota_get(struct store_account *account, struct store_quota *quota);

/* Removes the account with everything in it. No other handle may be open. */
int
store_account_delete(struct store *store, uint64_t account_id,
	struct error *error);

/* ---- mailboxes ---- */

enum store_use {	/* RFC 6154 */
	STORE_USE_ALL = 1, STORE_USE_ARCHIVE = 2, STORE_USE_DRAFTS = 4,
	STORE_USE_FLAGGED = 8, STORE_USE_JUNK = 16, STORE_USE_SENT = 32,
	STORE_USE_TRASH = 64,
};

struct store_mailbox {
	uint32_t id;		/* never reused in the account; 0: a name that only
				 * exists as subscription or as parent of others */
	struct span name;	/* UTF-8, NFC; '/' separates levels; "INBOX" */
	unsigned use;		/* enum store_use */
	bool is_subscribed;
	uint32_t uid_validity, uid_next;
	uint64_t modseq;	/* HIGHESTMODSEQ */
};

/* All, sorted by name with levels together; rows and names are in the arena. */
enum store_verdict
store_mailbox_list(struct store_account *account, struct arena *arena,
	struct store_mailbox **mailboxes, size_t *count, struct error *error);

/* INBOX in any case. The name in *mailbox is in the arena. */
enum store_verdict
store_mailbox_find(struct store_account *account, struct span name,
	struct arena *arena, struct store_mailbox *mailbox, struct error *error);

/* Counts for STATUS; needs the index. */
struct store_status {
	uint32_t messages, unseen, deleted, recent;
	uint64_t size, deleted_size;
};
enum store_verdict
store_mailbox_status(struct store_account *account, uint32_t mailbox,
	struct store_status *status, struct error *error);

/* Missing parents are made too. */
enum store_verdict
store_mailbox_create(struct store_account *account, struct span name,
	unsigned use, uint32_t *mailbox, struct error *error);
/* INBOX cannot be deleted (DENIED); children stay. HAS_CHILDREN: it is only the
 * parent of others. */
enum store_verdict
store_mailbox_delete(struct store_account *account, struct span name,
	struct error *error);
/* Children move along; of INBOX the messages move (RFC 9051 6.3.6). Names stay
 * subscribed as they were (RFC 9051 6.3.8). */
enum store_verdict
store_mailbox_rename(struct store_account *account, struct span from,
	struct span to, struct error *error);
/* Any valid name, whether or not a mailbox has it. */
enum store_verdict
store_mailbox_subscribe(struct store_account *account, struct span name,
	bool subscribed, struct error *error);

/* ---- messages ---- */

enum store_flag {
	STORE_SEEN = 1, STORE_ANSWERED = 2, STORE_FLAGGED = 4,
	STORE_DELETED = 8, STORE_DRAFT = 16,
};

/* System flags and keywords by name; \Recent is not one of them. */
struct store_flags {
	uint32_t system;
	const struct span *keyword;	/* any case; compared without case */
	size_t keyword_count;
};

/* A body is pieces one after the other: memory, or a range of a descriptor. */
struct store_piece {
	struct span bytes;	/* used when data != NULL */
	int fd;
	uint64_t offset, size;
};

struct store_message_new {
	struct store_flags flags;
	int64_t internal_date;		/* seconds since 1970; 0: now */
	int zone;			/* minutes east of UTC */
	const struct store_piece *piece;
	size_t piece_count;
	bool shares_body;		/* no pieces: the body is that of the message
				 * before it in this call, stored once */
	const uint8_t *transaction;	/* STORE_TRANSACTION_SIZE bytes or NULL: a
					 * second delivery within the hour is DUPLICATE */
	struct span annotation;		/* stored with it; see store_annotate */
};

/* All or nothing; one commit. uids receives `count` UIDs in order; 0: delivered
 * into a file of other programs, whose next reader gives it one. */
enum store_verdict
store_append(struct store_account *account, uint32_t mailbox,
	const struct store_message_new *messages, size_t count,
	uint32_t *uids, struct error *error);

enum store_change { STORE_ADD, STORE_REMOVE, STORE_REPLACE };

/* Changes flags of the messages that are there. unchanged_since: UINT64_MAX or
 * CONDSTORE's; those that changed after it are left and put into *modified
 * (may be NULL). *modseq: of the change, 0 when nothing had to change. */
enum store_verdict
store_flags_change(struct store_account *account, uint32_t mailbox,
	const struct number_set *uids, enum store_change change,
	const struct store_flags *flags, uint64_t unchanged_since,
	struct number_set *modified, uint64_t *modseq, struct error *error);

/* Removes; uids NULL: all. only_deleted: those with \Deleted. */
enum store_verdict
store_expunge(struct store_account *account, uint32_t mailbox,
	const struct number_set *uids, bool only_deleted,
	struct number_set *expunged, struct error *error);

/* Copies placements (no second body), or moves them. *from and *to are the
 * UIDs in pairs: the n-th of one became the n-th of the other. Annotations stay
 * behind. */
enum store_verdict
store_copy(struct store_account *account, uint32_t from_mailbox,
	const struct number_set *uids, uint32_t to_mailbox, bool move,
	struct number_set *from, struct number_set *to, struct error *error);

/* Replaces the annotation of a message (the spool's envelope and state). */
enum store_verdict
store_annotate(struct store_account *account, uint32_t mailbox, uint32_t uid,
	struct span annotation, struct error *error);

/* ---- changes ---- */

/*
 * Called, without any lock of the caller's, after something became visible in
 * the account: mailbox 0 means the list of mailboxes. Must not block and must
 * not call the store; session_nudge is what it is for. Watches outlive handles.
 */
struct store_watch {
	void (*changed)(struct store_watch *watch, uint32_t mailbox);
	uint64_t account_id;
	struct store_watch *next;	/* the store's */
};
void
store_watch_add(struct store *store, struct store_watch *watch);
/* After it returns, changed is not running and will not be called. */
void
store_watch_remove(struct store *store, struct store_watch *watch);

#endif
