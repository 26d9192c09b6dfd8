/*
 * A view inside: a tree, and where what the client was told differs from it,
 * which messages of those blocks it sees. view.c makes and asks; view_sets.c
 * collects UIDs.
 */
#ifndef STORE_VIEW_INNER_H
#define STORE_VIEW_INNER_H

#include "store/account.h"
#include "store/view.h"

/* One block as the client sees it. */
struct view_overlay {
	uint32_t base;
	uint32_t count, unseen, deleted;
	int64_t shift;			/* more messages than the tree has, before it */
	uint64_t visible[BLOCK_WORDS];
};

struct store_view {
	struct account *account;
	struct index *index;
	struct tree *tree;
	struct view_overlay *overlay;	/* by base */
	size_t overlay_count;
	int64_t shift;			/* of all */
	struct node *node;		/* the block looked at last; pinned */
};

/* A block being looked at. */
struct view_block {
	struct tree_at at;
	struct node *node;
	const struct block *block;
	const struct view_overlay *overlay;	/* NULL: as the tree has it */
	const uint64_t *visible;
};

const struct view_overlay *
view_overlay(const struct store_view *view, uint32_t base);

/* Messages of the node in the view; nothing is loaded. */
uint32_t
view_node_count(const struct store_view *view, const struct node *node);

/* Messages in the view before the node. */
uint32_t
view_before(const struct store_view *view, struct tree_at at);

/* Loads the node's block; it stays until the next one. False: the index is
 * broken. */
bool
view_look(const struct store_view *view, struct tree_at at,
	struct view_block *block);

#endif
