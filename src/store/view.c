/*
 * Views: an immutable tree, shared with all who look at the same state, and for
 * a client that was told something older the few blocks that differ. A view is
 * used by one thread at a time.
 */
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "store/mirror.h"
#include "store/store_inner.h"
#include "store/view_inner.h"
#include "store/walk.h"

/* ---- overlays ---- */

/* The number of overlays with a base below. */
static size_t
overlays_below(const struct store_view *view, uint32_t base)
{
	size_t low = 0, high = view->overlay_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (view->overlay[middle].base < base)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct view_overlay *
view_overlay(const struct store_view *view, uint32_t base)
{
	size_t at = overlays_below(view, base);
	return at < view->overlay_count && view->overlay[at].base == base ?
		&view->overlay[at] : NULL;
}

static int64_t
shift_before(const struct store_view *view, uint32_t base)
{
	size_t at = overlays_below(view, base);
	return at < view->overlay_count ? view->overlay[at].shift :
		view->shift;
}

uint32_t
view_node_count(const struct store_view *view, const struct node *node)
{
	const struct view_overlay *overlay = view_overlay(view, node->base);
	return overlay != NULL ? overlay->count : node->summary.there;
}

uint32_t
view_before(const struct store_view *view, struct tree_at at)
{
	return (uint32_t)(tree_before(view->tree, at) + shift_before(view,
		tree_node(view->tree, at)->base));
}

/* ---- blocks ---- */

static void
look_away(struct store_view *view)
{
	if (view->node != NULL)
		index_unpin(view->index, view->node);
	view->node = NULL;
}

bool
view_look(const struct store_view *view, struct tree_at at,
	struct view_block *out)
{
	struct store_view *mutable = (struct store_view *)view;
	struct node *node = tree_node(view->tree, at);
	if (view->node != node) {
		look_away(mutable);
		if (index_pin(view->index, node) == NULL)
			return false;
		mutable->node = node;
	}
	*out = (struct view_block){ .at = at, .node = node,
		.block = node->block,
		.overlay = view_overlay(view, node->base) };
	out->visible = out->overlay != NULL ? out->overlay->visible :
		out->block->there;
	return true;
}

/* ---- opening ---- */

static bool
was_told(const struct block *block, unsigned slot,
	const struct store_seen *seen)
{
	return block->created[slot] <= seen->added &&
		(block_bit(block->there, slot) ||
		block->modseq[slot] > seen->expunged);
}

static void
add_overlay(struct store_view *view, const struct node *node,
	const struct block *block, const struct store_seen *seen)
{
	size_t count = view->overlay_count;
	if ((count & (count - 1)) == 0)
		view->overlay = memory_resize(view->overlay,
			(count == 0 ? 1 : count * 2) * sizeof(*view->overlay));
	struct view_overlay *overlay = &view->overlay[view->overlay_count++];
	*overlay = (struct view_overlay){ .base = node->base,
		.shift = view->shift };
	for (unsigned i = 0; i < block->count; i++) {
		if (!was_told(block, i, seen))
			continue;
		block_bit_set(overlay->visible, i);
		overlay->count++;
		overlay->unseen += (block->flags[i] & STORE_SEEN) == 0;
		overlay->deleted += (block->flags[i] & STORE_DELETED) != 0;
	}
	view->shift += (int64_t)overlay->count - node->summary.there;
}

static bool
differs(const struct summary *summary, const struct store_seen *seen)
{
	return summary->created > seen->added ||
		summary->vanished_high > seen->expunged;
}

static bool
lay_over(struct store_view *view, const struct store_seen *seen)
{
	const struct tree *tree = view->tree;
	for (unsigned i = 0; i < tree->count; i++) {
		struct chunk *chunk = tree->chunk[i];
		if (chunk->created <= seen->added &&
		    chunk->vanished <= seen->expunged)
			continue;
		for (unsigned k = 0; k < chunk->count; k++) {
			struct view_block block;
			if (!differs(&chunk->node[k]->summary, seen))
				continue;
			if (!view_look(view, (struct tree_at){ i, k }, &block))
				return false;
			add_overlay(view, block.node, block.block, seen);
		}
	}
	return true;
}

static enum store_verdict
open_view(struct store_account *handle, uint32_t mailbox,
	struct store_view **view, struct error *error)
{
	struct index *index;
	struct tree *tree;
	*view = NULL;
	enum store_verdict verdict = account_tree_get(handle, mailbox, &index,
		&tree, error);
	if (verdict != STORE_OK)
		return verdict;
	struct store_view *new = memory_new(sizeof(*new));
	new->account = handle->account;
	new->index = index;
	new->tree = tree;
	atomic_fetch_add(&index->views, 1);
	store_pin(new->account);
	*view = new;
	return STORE_OK;
}

enum store_verdict
store_view_open(struct store_account *handle, uint32_t mailbox,
	struct store_view **view, struct error *error)
{
	struct mirror *mirror = handle->account->mirror;
	*view = NULL;
	if (mirror != NULL && account_allows(handle)) {
		enum store_verdict verdict = mirror_follow(mirror, mailbox,
			error);
		if (verdict != STORE_OK)
			return verdict;
	}
	return open_view(handle, mailbox, view, error);
}

enum store_verdict
store_view_open_seen(struct store_account *handle, uint32_t mailbox,
	const struct store_seen *seen, struct store_view **view,
	struct error *error)
{
	enum store_verdict verdict = open_view(handle, mailbox, view, error);
	if (verdict != STORE_OK)
		return verdict;
	if (seen->expunged < (*view)->tree->floor) {
		error_set(error, ERROR_GONE,
			"what was expunged so long ago is forgotten");
		verdict = STORE_TROUBLE;
	} else if (!lay_over(*view, seen)) {
		error_set(error, ERROR_LATER,
			"the index is damaged and is being made again");
		verdict = STORE_TROUBLE;
	}
	if (verdict != STORE_OK)
		store_view_close(view);
	return verdict;
}

void
store_view_close(struct store_view **view)
{
	struct store_view *old = *view;
	*view = NULL;
	if (old == NULL)
		return;
	look_away(old);
	tree_free(&old->tree);
	atomic_fetch_sub(&old->index->views, 1);
	index_free(&old->index);
	store_unpin(old->account);
	memory_free(old->overlay);
	memory_free(old);
}

/* ---- facts ---- */

static uint32_t
unseen_of(const struct store_view *view, const struct node *node)
{
	const struct view_overlay *overlay = view_overlay(view, node->base);
	return overlay != NULL ? overlay->unseen : node->summary.unseen;
}

static uint32_t
first_unseen(const struct store_view *view)
{
	const struct tree *tree = view->tree;
	struct tree_at at;
	struct view_block block;
	for (bool more = tree_first(tree, &at); more;) {
		const struct chunk *chunk = tree->chunk[at.chunk];
		if (at.node == 0 && view->overlay_count == 0 &&
		    chunk->total.unseen == 0) {
			at = (struct tree_at){ at.chunk + 1, 0 };
			more = at.chunk < tree->count;
			continue;
		}
		if (unseen_of(view, tree_node(tree, at)) == 0) {
			more = tree_next(tree, &at);
			continue;
		}
		if (!view_look(view, at, &block))
			return 0;
		unsigned slot = block_next(block.visible, 0);
		while (slot < block.block->count &&
		    (block.block->flags[slot] & STORE_SEEN) != 0)
			slot = block_next(block.visible, slot + 1);
		return view_before(view, at) +
			block_rank(block.visible, slot) + 1;
	}
	return 0;
}

void
store_view_facts(const struct store_view *view, struct store_view_facts *facts)
{
	const struct tree *tree = view->tree;
	int64_t unseen = tree->total.unseen, deleted = tree->total.deleted;
	for (size_t i = 0; i < view->overlay_count; i++) {
		const struct view_overlay *overlay = &view->overlay[i];
		struct tree_at at;
		if (!tree_seek(tree, overlay->base, &at))
			continue;
		const struct summary *summary = &tree_node(tree, at)->summary;
		unseen += (int64_t)overlay->unseen - summary->unseen;
		deleted += (int64_t)overlay->deleted - summary->deleted;
	}
	*facts = (struct store_view_facts){
		.mailbox = tree->mailbox,
		.uid_validity = tree->uid_validity,
		.uid_next = tree->uid_next,
		.exists = (uint32_t)(tree->total.there + view->shift),
		.unseen = (uint32_t)unseen,
		.deleted = (uint32_t)deleted,
		.first_unseen = unseen > 0 ? first_unseen(view) : 0,
		.modseq = tree->modseq,
		.keyword_count = tree->keywords == NULL ? 0 :
			tree->keywords->count,
	};
}

struct span
store_view_keyword(const struct store_view *view, size_t i)
{
	const struct keywords *keywords = view->tree->keywords;
	assert(keywords != NULL && i < keywords->count);
	return keywords->name[i];
}

/* ---- single messages ---- */

static void
fill(const struct view_block *block, unsigned slot, uint32_t sequence,
	struct store_message *message)
{
	struct slot from = block_get(block->block, block->node->base, slot);
	*message = (struct store_message){
		.uid = from.uid, .sequence = sequence,
		.flags = from.flags, .modseq = from.modseq,
		.created_modseq = from.created, .email = from.email,
		.size = from.size, .internal_date = from.date,
		.save_date = from.saved, .zone = from.zone,
		.segment = from.segment, .offset = from.offset,
		.mailbox = block->node->mailbox,
	};
}

static uint32_t
sequence_of(const struct store_view *view, const struct view_block *block,
	unsigned slot)
{
	return view_before(view, block->at) +
		block_rank(block->visible, slot) + 1;
}

/* The last chunk, then the last node in it, with no more than n before. */
static struct tree_at
find_sequence(const struct store_view *view, uint32_t n)
{
	struct tree_at at = { 0, 0 };
	unsigned low = 0, high = view->tree->count;
	while (high - low > 1) {
		unsigned middle = (low + high) / 2;
		if (view_before(view, (struct tree_at){ middle, 0 }) <= n)
			low = middle;
		else
			high = middle;
	}
	at.chunk = low;
	low = 0;
	high = view->tree->chunk[at.chunk]->count;
	while (high - low > 1) {
		unsigned middle = (low + high) / 2;
		if (view_before(view, (struct tree_at){ at.chunk, middle }) <= n)
			low = middle;
		else
			high = middle;
	}
	at.node = low;
	return at;
}

bool
store_view_by_sequence(const struct store_view *view, uint32_t sequence,
	struct store_message *message)
{
	struct view_block block;
	uint32_t n = sequence - 1;
	if (sequence == 0 || n >= view->tree->total.there + view->shift)
		return false;
	struct tree_at at = find_sequence(view, n);
	if (!view_look(view, at, &block))
		return false;
	fill(&block, block_select(block.visible, n - view_before(view, at)),
		sequence, message);
	return true;
}

/* The block and slot of a UID in the view. */
static bool
find_uid(const struct store_view *view, uint32_t uid,
	struct view_block *block, unsigned *slot)
{
	struct tree_at at;
	if (!tree_seek(view->tree, uid, &at) ||
	    tree_node(view->tree, at)->base != block_base(uid) ||
	    !view_look(view, at, block))
		return false;
	*slot = block_find(block->block, block->node->base, uid);
	return *slot < block->block->count &&
		block->node->base + block->block->uid[*slot] == uid &&
		block_bit(block->visible, *slot);
}

bool
store_view_by_uid(const struct store_view *view, uint32_t uid,
	struct store_message *message)
{
	struct view_block block;
	unsigned slot;
	if (!find_uid(view, uid, &block, &slot))
		return false;
	fill(&block, slot, sequence_of(view, &block, slot), message);
	return true;
}

bool
store_view_next(const struct store_view *view, uint32_t uid,
	struct store_message *message)
{
	struct tree_at at;
	struct view_block block;
	for (bool more = tree_seek(view->tree, uid, &at); more;
	    more = tree_next(view->tree, &at)) {
		if (view_node_count(view, tree_node(view->tree, at)) == 0)
			continue;
		if (!view_look(view, at, &block))
			return false;
		unsigned slot = block_next(block.visible, block_find(
			block.block, block.node->base, uid));
		if (slot >= block.block->count)
			continue;
		fill(&block, slot, sequence_of(view, &block, slot), message);
		return true;
	}
	return false;
}

uint32_t
store_view_sequence(const struct store_view *view, uint32_t uid)
{
	struct view_block block;
	unsigned slot;
	return find_uid(view, uid, &block, &slot) ?
		sequence_of(view, &block, slot) : 0;
}

uint32_t
store_view_uid(const struct store_view *view, uint32_t sequence)
{
	struct store_message message;
	return store_view_by_sequence(view, sequence, &message) ?
		message.uid : 0;
}
