/*
 * Sets of UIDs from views. Blocks whose summary answers the question are not
 * loaded.
 */
#include "store/view_inner.h"

/* ---- all, or by flags ---- */

enum answer { NONE, SOME, ALL };

/* What the summary says: has every message of the node these flags? */
static enum answer
ask_summary(const struct summary *summary, uint64_t set, uint64_t clear)
{
	if ((set & ~summary->flags_any) != 0 ||
	    (clear & summary->flags_all) != 0)
		return NONE;
	return (set & ~summary->flags_all) == 0 &&
		(clear & summary->flags_any) == 0 &&
		summary->last - summary->first + 1 == summary->there ?
		ALL : SOME;
}

static void
add_matching(const struct view_block *block, uint64_t set, uint64_t clear,
	struct number_set *uids)
{
	unsigned slot = block_next(block->visible, 0);
	for (; slot < block->block->count;
	    slot = block_next(block->visible, slot + 1)) {
		uint64_t flags = block->block->flags[slot];
		uint32_t uid = block->node->base + block->block->uid[slot];
		if ((flags & set) == set && (flags & clear) == 0)
			number_set_add(uids, uid, uid);
	}
}

void
store_view_uids(const struct store_view *view, uint64_t set, uint64_t clear,
	struct number_set *uids)
{
	struct tree_at at;
	struct view_block block;
	for (bool more = tree_first(view->tree, &at); more;
	    more = tree_next(view->tree, &at)) {
		const struct node *node = tree_node(view->tree, at);
		if (view_node_count(view, node) == 0)
			continue;
		enum answer answer = view_overlay(view, node->base) != NULL ?
			SOME : ask_summary(&node->summary, set, clear);
		if (answer == ALL)
			number_set_add(uids, node->summary.first,
				node->summary.last);
		else if (answer == SOME && view_look(view, at, &block))
			add_matching(&block, set, clear, uids);
	}
}

/* ---- changed ---- */

static void
add_changed(const struct view_block *block, uint64_t since,
	struct number_set *uids)
{
	unsigned slot = block_next(block->visible, 0);
	for (; slot < block->block->count;
	    slot = block_next(block->visible, slot + 1)) {
		uint32_t uid = block->node->base + block->block->uid[slot];
		if (block->block->modseq[slot] > since &&
		    block_bit(block->block->there, slot))
			number_set_add(uids, uid, uid);
	}
}

void
store_view_changed(const struct store_view *view, uint64_t since,
	struct number_set *uids)
{
	const struct tree *tree = view->tree;
	struct view_block block;
	for (unsigned i = 0; i < tree->count; i++) {
		const struct chunk *chunk = tree->chunk[i];
		for (unsigned k = 0; k < chunk->count &&
		    chunk->modseq > since; k++)
			if (chunk->node[k]->summary.modseq > since &&
			    view_look(view, (struct tree_at){ i, k }, &block))
				add_changed(&block, since, uids);
	}
}

/* ---- expunged ---- */

static bool
is_same_node(const struct store_view *old, const struct store_view *now,
	const struct node *a, const struct node *b)
{
	return a == b && view_overlay(old, a->base) == NULL &&
		view_overlay(now, b->base) == NULL;
}

static void
compare_node(const struct store_view *old, const struct store_view *now,
	struct tree_at at, struct number_set *uids)
{
	struct view_block before, after = { .node = NULL };
	struct tree_at there;
	const struct node *node = tree_node(old->tree, at);
	bool is_there = tree_seek(now->tree, node->base, &there) &&
		tree_node(now->tree, there)->base == node->base;
	if (is_there && is_same_node(old, now, node,
			tree_node(now->tree, there)))
		return;
	if (!view_look(old, at, &before) ||
	    (is_there && !view_look(now, there, &after)))
		return;
	unsigned slot = block_next(before.visible, 0);
	for (; slot < before.block->count;
	    slot = block_next(before.visible, slot + 1)) {
		uint32_t uid = node->base + before.block->uid[slot];
		unsigned other = is_there ? block_find(after.block,
			node->base, uid) : 0;
		if (!is_there || other == after.block->count ||
		    node->base + after.block->uid[other] != uid ||
		    !block_bit(after.visible, other))
			number_set_add(uids, uid, uid);
	}
}

void
store_view_expunged(const struct store_view *old, const struct store_view *now,
	struct number_set *uids)
{
	const struct tree *tree = old->tree;
	bool are_plain = old->overlay_count == 0 && now->overlay_count == 0;
	for (unsigned i = 0; i < tree->count; i++) {
		if (are_plain && i < now->tree->count &&
		    now->tree->chunk[i] == tree->chunk[i])
			continue;
		for (unsigned k = 0; k < tree->chunk[i]->count; k++)
			if (view_node_count(old, tree->chunk[i]->node[k]) > 0)
				compare_node(old, now,
					(struct tree_at){ i, k }, uids);
	}
}

/* ---- vanished ---- */

static void
add_vanished(const struct view_block *block, uint64_t since,
	struct number_set *uids)
{
	const struct block *slots = block->block;
	for (unsigned i = 0; i < slots->count; i++) {
		uint32_t uid = block->node->base + slots->uid[i];
		if (!block_bit(slots->there, i) &&
		    !block_bit(block->visible, i) && slots->modseq[i] > since)
			number_set_add(uids, uid, uid);
	}
}

static void
add_all_missing(const struct store_view *view, struct number_set *uids)
{
	struct number_set there;
	uint32_t next = 1;
	number_set_init(&there);
	store_view_uids(view, 0, 0, &there);
	for (size_t i = 0; i < there.count; i++) {
		if (there.range[i].first > next)
			number_set_add(uids, next, there.range[i].first - 1);
		next = there.range[i].last + 1;
	}
	if (view->tree->uid_next > next)
		number_set_add(uids, next, view->tree->uid_next - 1);
	number_set_fini(&there);
}

bool
store_view_vanished(const struct store_view *view, uint64_t since,
	struct number_set *uids)
{
	const struct tree *tree = view->tree;
	struct view_block block;
	if (since < tree->floor) {
		add_all_missing(view, uids);
		return false;
	}
	for (unsigned i = 0; i < tree->count; i++) {
		const struct chunk *chunk = tree->chunk[i];
		for (unsigned k = 0; k < chunk->count &&
		    chunk->vanished > since; k++)
			if (chunk->node[k]->summary.vanished_high > since &&
			    view_look(view, (struct tree_at){ i, k }, &block))
				add_vanished(&block, since, uids);
	}
	return true;
}
