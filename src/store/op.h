/*
 * What the files of operations share: looking up, sets of UIDs as records want
 * them, keywords. Each operation of store.h is a prepare function that runs in
 * its group (commit.h).
 */
#ifndef STORE_OP_H
#define STORE_OP_H

#include "store/commit.h"
#include "store/view.h"
#include "store/walk.h"

enum { OP_SYSTEM_FLAGS = 0x1f };

/* A mailbox of the working version that holds messages; NULL: no such one. */
struct mailbox *
op_mailbox(const struct group *group, uint32_t id);

/* ---- sets ---- */

/*
 * Collects the UIDs a walk over `asked` (NULL: all) comes to into a set for a
 * record: gaps where nothing is are bridged.
 */
struct op_set {
	const struct number_set *asked;
	struct number_set uids;
	uint32_t last_seen, last_taken;
};
void
op_set_init(struct op_set *set, const struct number_set *asked);
void
op_set_fini(struct op_set *set);
/* Every message the walk comes to, in order. */
void
op_set_see(struct op_set *set, uint32_t uid, bool is_taken);

/* ---- keywords ---- */

struct op_keywords {
	uint64_t bits;			/* of all names */
	unsigned count;			/* that have to be made */
	unsigned number[STORE_KEYWORD_LIMIT];
	struct span name[STORE_KEYWORD_LIMIT];
};

/* Bits for the flags in this mailbox. `makes`: names it has not get numbers,
 * STORE_TOO_MANY when there are none left; else they are left out. */
enum store_verdict
op_keywords_find(const struct mailbox *mailbox,
	const struct store_flags *flags, bool makes,
	struct op_keywords *keywords);

/* Emits and applies what has to be made. */
void
op_keywords_make(struct group *group, const struct mailbox *mailbox,
	const struct op_keywords *keywords);

/* ---- mailboxes ---- */

/* Makes the mailbox (or turns what is only a name into one). */
struct mailbox *
op_make_mailbox(struct group *group, struct span name, unsigned use,
	bool subscribed);

/* Moves all messages of one into the other. False: the index is broken. */
bool
op_move_all(struct group *group, struct mailbox *from, struct mailbox *to);

/* INBOX, and the folders of a new account. */
int
op_create_folders(struct account *account, bool folders,
	struct error *error);

/* ---- below the door ---- */

/* What store.h's functions do in the log, for an actor who is allowed in. */
struct mirror_change;
enum store_verdict
op_flags_change(const struct store_account *handle,
	const struct mirror_change *change, struct error *error);
enum store_verdict
op_expunge(const struct store_account *handle, uint32_t mailbox,
	const struct number_set *uids, bool only_deleted,
	struct number_set *expunged, struct error *error);
/* Names in the store's form; to: rename only. */
enum op_mailbox_what { OP_MAILBOX_DELETE, OP_MAILBOX_RENAME };
enum store_verdict
op_mailbox_change(const struct store_account *handle,
	enum op_mailbox_what what, struct span name, struct span to,
	struct error *error);

/* ---- space ---- */

/* Removes what is dead, with a whole state before it when that pays (is_forced:
 * if it helps at all). *facts (may be NULL): what is there then; unchanged when
 * it could not be looked at. */
struct space_facts;
void
op_look_at_space(struct account *account, bool is_forced,
	struct space_facts *facts);

/* The same, and lets the compactor know. */
void
op_see_to_space(struct account *account);

#endif
