/*
 * What a mirror (mirror.h) writes into an account's log: what it found in files
 * of other programs, what is gone from them, flags they changed, the folders
 * there are. Each is one group or more; the files have been changed before.
 */
#ifndef STORE_OP_FOLLOW_H
#define STORE_OP_FOLLOW_H

#include "store/format.h"
#include "store/op.h"

enum { FOLLOW_LIMIT = 4000 };		/* found, and changed, in one call */

struct follow_found {
	const struct format_entry *entry;
	uint32_t uid;			/* ascending, from the mailbox's next */
	uint64_t email;			/* whose copy it is; 0: nobody's */
};

struct follow_flags {
	uint64_t flags;			/* all it has now, as entries count */
	uint32_t uid;
};

struct follow {
	uint32_t mailbox;
	uint32_t uid_validity, uid_next;	/* taken over, and raised in the
					 * end; 0: as they are */
	const struct number_set *gone;		/* may be NULL */
	const struct follow_flags *changed;	/* by flags, then UID */
	size_t changed_count;
	const struct follow_found *found;
	size_t found_count;
	const struct span *keyword;		/* of the bits of entries */
	size_t keyword_count;
};
enum store_verdict
op_follow(struct account *account, const struct follow *follow,
	struct error *error);

/* A transaction's message is in a file. */
enum store_verdict
op_delivered(const struct store_account *handle, uint32_t mailbox,
	const uint8_t *transaction, struct error *error);
/* DUPLICATE when it is there already; NO_MAILBOX. Writes nothing. */
enum store_verdict
op_is_delivered(const struct store_account *handle, uint32_t mailbox,
	const uint8_t *transaction, struct error *error);

/* Mailboxes and subscriptions as the files have them: names sorted with
 * span_compare, in the store's form. `use` is for the one of them that is new. */
struct follow_list {
	const struct span *name, *subscribed;
	size_t name_count, subscribed_count;
	struct span new_name;
	unsigned use;
};
enum store_verdict
op_follow_list(struct account *account, const struct follow_list *list,
	struct error *error);

#endif
