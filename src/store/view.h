/*
 * Reading a mailbox: a view is an immutable snapshot of one mailbox, shared by
 * all who look at the same state, in blocks of about 1,024 UIDs. No function
 * here costs more in a mailbox of a million than in one of a thousand, except
 * those that touch every message asked for.
 *
 * What a client has been told is three change numbers, not a snapshot: struct
 * store_seen. It is flat and lives in parked sessions; the view that belongs
 * to it is made again from the blocks, which keep tombstones.
 */
#ifndef STORE_VIEW_H
#define STORE_VIEW_H

#include "store/store.h"

struct store_view;	/* used by one thread at a time */

/* Messages added up to `added` and not expunged up to `expunged` exist for the
 * client; flags it knows up to `flags`. */
struct store_seen {
	uint64_t added, expunged, flags;
};

/* The mailbox as it is now. STORE_NO_MAILBOX when it is gone. */
enum store_verdict
store_view_open(struct store_account *account, uint32_t mailbox,
	struct store_view **view, struct error *error);

/*
 * As a client that was told `seen` sees it. TROUBLE with ERROR_GONE: what was
 * expunged since is forgotten (more than 100,000 messages ago, or the index was
 * made again); the client has to be sent away.
 */
enum store_verdict
store_view_open_seen(struct store_account *account, uint32_t mailbox,
	const struct store_seen *seen, struct store_view **view,
	struct error *error);

void
store_view_close(struct store_view **view);

/*
 * Where mail is in files that others change too: takes over what they did.
 * Opening a view as it is now, counts and lists do so by themselves; a session
 * that keeps its view asks before each command. Costs two stats when nothing
 * has changed; watches are told. Nothing to do for native mail.
 */
void
store_mailbox_refresh(struct store_account *account, uint32_t mailbox);
bool
store_has_files(const struct store *store);

struct store_view_facts {
	uint32_t mailbox, uid_validity, uid_next, exists;
	uint32_t unseen, deleted;	/* counts */
	uint32_t first_unseen;		/* sequence number, 0: none */
	uint64_t modseq;		/* HIGHESTMODSEQ */
	size_t keyword_count;
};
void
store_view_facts(const struct store_view *view, struct store_view_facts *facts);

/* The name of keyword i (flags bit STORE_KEYWORD_SHIFT + i), as first written. */
struct span
store_view_keyword(const struct store_view *view, size_t i);

enum { STORE_KEYWORD_SHIFT = 8 };

struct store_message {
	uint32_t uid, sequence;
	uint64_t flags;		/* enum store_flag, and keywords from bit 8 */
	uint64_t modseq, created_modseq;
	uint64_t email;		/* EMAILID: equal for copies */
	uint64_t size;		/* RFC822.SIZE */
	int64_t internal_date, save_date;	/* seconds */
	int zone;
	uint64_t segment, offset;	/* the store's own, as the next */
	uint32_t mailbox;
};

/* False when the sequence number or UID is not in the view. */
bool
store_view_by_sequence(const struct store_view *view, uint32_t sequence,
	struct store_message *message);
bool
store_view_by_uid(const struct store_view *view, uint32_t uid,
	struct store_message *message);

/* The first message with UID >= uid; false when there is none. */
bool
store_view_next(const struct store_view *view, uint32_t uid,
	struct store_message *message);

/* Sequence number of a UID (0: not in the view), and back. */
uint32_t
store_view_sequence(const struct store_view *view, uint32_t uid);
uint32_t
store_view_uid(const struct store_view *view, uint32_t sequence);

/* The UIDs in the view, all, or with these flags set and those clear. */
void
store_view_uids(const struct store_view *view, uint64_t set, uint64_t clear,
	struct number_set *uids);

/* UIDs in the view whose modseq is above `since`. */
void
store_view_changed(const struct store_view *view, uint64_t since,
	struct number_set *uids);

/* UIDs of `old` that are not in `now`. */
void
store_view_expunged(const struct store_view *old, const struct store_view *now,
	struct number_set *uids);

/*
 * UIDs expunged after `since` (QRESYNC). False when tombstones that old are
 * gone: then *uids are all UIDs below uid_next that are not there.
 */
bool
store_view_vanished(const struct store_view *view, uint64_t since,
	struct number_set *uids);

/*
 * \Recent of IMAP4rev1: UIDs from *first on are recent to this session; a
 * claim (not for EXAMINE) makes them not recent for the next. Not durable.
 */
enum store_verdict
store_recent(struct store_account *account, uint32_t mailbox, bool claim,
	uint32_t *first, struct error *error);

/* ---- bodies ---- */

/* The bytes stay readable until close, whatever happens to the message. */
struct store_body {
	int fd;			/* the range of this file, for sendfile; borrowed */
	uint64_t offset, size;
	const char *memory;	/* where it is instead, if not NULL; fd is -1 */
	void *pinned;		/* the store's */
};

/* NO_MESSAGE: it was expunged (or moved) and its bytes are not there any more. */
enum store_verdict
store_body_open(struct store_account *account,
	const struct store_message *message, struct store_body *body,
	struct error *error);

/* Bytes from `at` of the body; fewer than asked is an error. */
int
store_body_read(const struct store_body *body, uint64_t at, void *out,
	size_t size, struct error *error);

void
store_body_close(struct store_body *body);

/* The first bytes of a body, into *out, which is empty: about `size` of them, or
 * all where that is no dearer. */
enum store_verdict
store_body_head(struct store_account *account,
	const struct store_message *message, size_t size, struct buffer *out,
	struct error *error);

/* ---- what is kept beside a message ---- */

/* The annotation; empty when there is none. */
enum store_verdict
store_annotation(struct store_account *account, uint32_t mailbox, uint32_t uid,
	struct arena *arena, struct span *annotation, struct error *error);

/*
 * A cache for what is derived from a body (never wrong: bodies do not change).
 * get: false when it is not there. put is lazy, may be lost, never fails.
 */
enum store_cache { STORE_CACHE_TREE = 1, STORE_CACHE_ENVELOPE, STORE_CACHE_STRUCTURE };

bool
store_cache_get(struct store_account *account, uint64_t email,
	enum store_cache kind, struct arena *arena, struct span *bytes);
void
store_cache_put(struct store_account *account, uint64_t email,
	enum store_cache kind, struct span bytes);

#endif
