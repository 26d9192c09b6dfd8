/*
 * One step of an account from one published version to the next: what a group
 * of records does, or a stretch of the log that is replayed. The leader makes
 * the working version with it; then it is published or undone as a whole.
 */
#ifndef STORE_CHANGE_H
#define STORE_CHANGE_H

#include "store/account.h"

/* Where the body of an email is; known when its group is in the log. */
struct change_email {
	uint64_t email, segment, offset;
};

/* A message whose body's place has to be filled in. */
struct change_place {
	struct mailbox *mailbox;
	uint32_t uid;
	uint64_t email;
};

/* A body gained or lost a placement. */
struct change_object {
	uint64_t email;			/* when segment is 0: look it up */
	uint64_t segment, offset, size;
	bool is_gain;
};

struct change_annotation {
	uint64_t id;
	struct index_bytes *bytes;
};

struct change {
	struct account *account;
	struct index *index;		/* NULL: it is not open */
	bool does_head;			/* false: a replay into the index only */
	bool is_list_changed;
	bool is_broken;			/* the index is; undo */
	bool is_silent;			/* no client sees a difference */
	uint64_t generation;
	int64_t second;			/* now */

	struct change_email *email;
	size_t email_count;
	struct change_place *place;
	size_t place_count;
	struct change_object *object;
	size_t object_count;
	struct node **fresh;		/* new versions; without block: gone */
	size_t fresh_count;
	struct node **superseded;
	size_t superseded_count;
	struct change_annotation *annotation;
	size_t annotation_count;
	struct index_range *annotation_gone;
	size_t annotation_gone_count;
	uint64_t *cache_gone;		/* emails */
	size_t cache_gone_count;
	struct mailbox **touched;
	size_t touched_count;
	uint32_t *gone;			/* mailboxes */
	size_t gone_count;
	uint32_t *notice;		/* mailboxes to tell watchers of, after it */
	size_t notice_count;
};

/* `second` is now, since 1970. */
void
change_init(struct change *change, struct account *account,
	struct index *index, bool does_head, int64_t second);

/* Nothing but what belongs to the change; published or undone before. */
void
change_fini(struct change *change);

/* Makes the working version the published one. Emails' places are known. The
 * change can be used on. */
void
change_publish(struct change *change, const struct log_applied *applied);

/* Makes the published version the working one again. */
void
change_undo(struct change *change);

/* ---- for apply.c ---- */

/* The mailbox is going to be changed. */
void
change_touch(struct change *change, struct mailbox *mailbox);

/* The tree of a mailbox, to be changed; made when it has none. */
struct tree *
change_tree(struct change *change, struct mailbox *mailbox);

/* The node there as one that may be changed; NULL: the index is broken. */
struct node *
change_edit(struct change *change, struct tree *tree, struct tree_at at);

/* Adds a message behind all others. -1: the index is broken. */
int
change_append(struct change *change, struct mailbox *mailbox,
	const struct slot *slot);

void
change_email_is_at(struct change *change, uint64_t email, uint64_t segment,
	uint64_t offset);
/* The body of a message that is there will be where this email is. */
void
change_place_later(struct change *change, struct mailbox *mailbox,
	uint32_t uid, uint64_t email);
void
change_object(struct change *change, const struct slot *slot, bool is_gain);
void
change_annotate(struct change *change, uint64_t id, struct span bytes);
/* email 0: its cached values stay. */
void
change_vanished(struct change *change, uint32_t mailbox, uint32_t uid,
	uint64_t email);
void
change_mailbox_gone(struct change *change, struct mailbox *mailbox);

#endif
