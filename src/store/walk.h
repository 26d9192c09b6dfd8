/*
 * Walking over the messages of a tree that are there, all or those of a set,
 * in the order of UIDs. Loads blocks as it goes and keeps one in memory.
 */
#ifndef STORE_WALK_H
#define STORE_WALK_H

#include "store/index.h"

struct walk {
	struct index *index;
	const struct tree *tree;
	const struct number_set *set;	/* NULL: all */
	struct node *node;		/* pinned, or NULL */
	struct tree_at at;
	uint64_t next;			/* UID */
	bool is_broken;			/* ended because the index is */
};

/* The tree must live as long as the walk; a leader may change flags, expunge
 * and append while he walks. */
void
walk_init(struct walk *walk, struct index *index, const struct tree *tree,
	const struct number_set *set);

/* The next message; false at the end. */
bool
walk_next(struct walk *walk, struct slot *slot);

void
walk_fini(struct walk *walk);

/* The message with this UID; false when it is not there (or broken). */
bool
walk_find(struct index *index, const struct tree *tree, uint32_t uid,
	struct slot *slot);

#endif
