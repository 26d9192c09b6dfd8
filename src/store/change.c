/*
 * Making, publishing and undoing a change. What is made here is seen by nobody
 * before change_publish; a reader who looked before keeps what he looks at.
 */
#include "store/change.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "store/compact.h"
#include "store/head.h"
#include "store/store_inner.h"

/* Tombstones of a mailbox: when there are more than this, the oldest go until
 * this many are left. */
enum { TOMBSTONES_MOST = 110000, TOMBSTONES_LEFT = 100000 };

/* Room for one more in an array that grows in powers of two. */
static void *
grow(void *array, size_t count, size_t size)
{
	if ((count & (count - 1)) != 0)
		return array;
	return memory_resize(array, (count == 0 ? 1 : count * 2) * size);
}
#define GROW(array, count) ((array) = grow((array), (count), sizeof(*(array))))

void
change_init(struct change *change, struct account *account,
	struct index *index, bool does_head, int64_t second)
{
	*change = (struct change){
		.account = account,
		.index = index,
		.does_head = does_head,
		.generation = ++account->generation,
		.second = second,
	};
}

/* Everything but what watchers have to be told. */
static void
forget(struct change *change)
{
	for (size_t i = 0; i < change->fresh_count; i++)
		node_free(&change->fresh[i]);
	for (size_t i = 0; i < change->superseded_count; i++)
		node_free(&change->superseded[i]);
	for (size_t i = 0; i < change->annotation_count; i++)
		memory_free(change->annotation[i].bytes);
	for (size_t i = 0; i < change->touched_count; i++)
		change->touched[i]->is_touched = false;
	change->email_count = change->place_count = change->object_count = 0;
	change->fresh_count = change->superseded_count = 0;
	change->annotation_count = change->annotation_gone_count = 0;
	change->cache_gone_count = change->touched_count = 0;
	change->gone_count = 0;
	change->is_list_changed = false;
	/* What it made so far is not its own any more. */
	change->generation = ++change->account->generation;
}

void
change_fini(struct change *change)
{
	assert(change->touched_count == 0);
	memory_free(change->email);
	memory_free(change->place);
	memory_free(change->object);
	memory_free(change->fresh);
	memory_free(change->superseded);
	memory_free(change->annotation);
	memory_free(change->annotation_gone);
	memory_free(change->cache_gone);
	memory_free(change->touched);
	memory_free(change->gone);
	memory_free(change->notice);
}

/* ---- making ---- */

void
change_touch(struct change *change, struct mailbox *mailbox)
{
	if (mailbox->is_touched)
		return;
	mailbox->is_touched = true;
	GROW(change->touched, change->touched_count);
	change->touched[change->touched_count++] = mailbox;
}

struct tree *
change_tree(struct change *change, struct mailbox *mailbox)
{
	change_touch(change, mailbox);
	if (mailbox->tree == NULL)
		mailbox->tree = tree_new(mailbox->id,
			mailbox->working.uid_validity, change->generation);
	else
		tree_edit(&mailbox->tree, change->generation);
	return mailbox->tree;
}

static struct node *
add_fresh(struct change *change, struct node *node)
{
	GROW(change->fresh, change->fresh_count);
	change->fresh[change->fresh_count++] = node_share(node);
	return node;
}

/* The block of the node there, which from now on has a newer version. */
static const struct block *
supersede(struct change *change, struct tree *tree, struct tree_at at)
{
	struct node *old = tree_node(tree, at);
	const struct block *block = index_supersede(change->index, old);
	if (block == NULL) {
		change->is_broken = true;
		return NULL;
	}
	GROW(change->superseded, change->superseded_count);
	change->superseded[change->superseded_count++] = node_share(old);
	return block;
}

struct node *
change_edit(struct change *change, struct tree *tree, struct tree_at at)
{
	struct node *old = tree_node(tree, at);
	assert(tree->generation == change->generation);
	if (old->generation == change->generation)
		return old;
	const struct block *block = supersede(change, tree, at);
	if (block == NULL)
		return NULL;
	struct node *node = node_new(old->mailbox, old->base,
		change->generation, old->budget);
	node->summary = old->summary;
	node_set_block(node, block_copy(block));
	tree_replace(tree, at, add_fresh(change, node));
	return node;
}

int
change_append(struct change *change, struct mailbox *mailbox,
	const struct slot *slot)
{
	struct tree *tree = change_tree(change, mailbox);
	struct node *node;
	struct tree_at at;
	if (tree_seek(tree, slot->uid, &at)) {
		node = change_edit(change, tree, at);
		if (node == NULL)
			return -1;
	} else {
		node = node_new(mailbox->id, block_base(slot->uid),
			change->generation, &change->index->budget);
		node_set_block(node, block_new(16));
		tree_append(tree, add_fresh(change, node));
	}
	node_append(node, slot);
	tree->uid_next = slot->uid + 1;
	tree->modseq = slot->modseq;
	if (slot->segment == 0)
		change_place_later(change, mailbox, slot->uid, slot->email);
	return 0;
}

void
change_place_later(struct change *change, struct mailbox *mailbox,
	uint32_t uid, uint64_t email)
{
	GROW(change->place, change->place_count);
	change->place[change->place_count++] =
		(struct change_place){ mailbox, uid, email };
}

void
change_email_is_at(struct change *change, uint64_t email, uint64_t segment,
	uint64_t offset)
{
	/* A damaged log may say anything; what comes first stays. */
	if (change->email_count > 0 &&
	    change->email[change->email_count - 1].email >= email)
		return;
	GROW(change->email, change->email_count);
	change->email[change->email_count++] =
		(struct change_email){ email, segment, offset };
}

void
change_object(struct change *change, const struct slot *slot, bool is_gain)
{
	if (slot_is_elsewhere(slot->segment))
		return;
	GROW(change->object, change->object_count);
	change->object[change->object_count++] = (struct change_object){
		slot->email, slot->segment, slot->offset, slot->size, is_gain };
}

void
change_annotate(struct change *change, uint64_t id, struct span bytes)
{
	struct index_bytes *copy = memory_new(sizeof(*copy) + bytes.size);
	copy->size = bytes.size;
	if (bytes.size > 0)
		memcpy(copy->data, bytes.data, bytes.size);
	GROW(change->annotation, change->annotation_count);
	change->annotation[change->annotation_count++] =
		(struct change_annotation){ id, copy };
}

void
change_vanished(struct change *change, uint32_t mailbox, uint32_t uid,
	uint64_t email)
{
	uint64_t id = index_annotation_id(mailbox, uid);
	size_t count = change->annotation_gone_count;
	if (count > 0 && change->annotation_gone[count - 1].last + 1 == id) {
		change->annotation_gone[count - 1].last = id;
	} else {
		GROW(change->annotation_gone, count);
		change->annotation_gone[change->annotation_gone_count++] =
			(struct index_range){ id, id };
	}
	if (email == 0)
		return;
	GROW(change->cache_gone, change->cache_gone_count);
	change->cache_gone[change->cache_gone_count++] = email;
}

void
change_mailbox_gone(struct change *change, struct mailbox *mailbox)
{
	change_touch(change, mailbox);
	tree_free(&mailbox->tree);
	GROW(change->gone, change->gone_count);
	change->gone[change->gone_count++] = mailbox->id;
}

/* ---- publishing ---- */

static const struct change_email *
find_email(const struct change *change, uint64_t email)
{
	size_t low = 0, high = change->email_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (change->email[middle].email < email)
			low = middle + 1;
		else
			high = middle;
	}
	return low < change->email_count &&
		change->email[low].email == email ? &change->email[low] : NULL;
}

static void
fill_places(struct change *change)
{
	for (size_t i = 0; i < change->place_count; i++) {
		const struct change_place *place = &change->place[i];
		const struct change_email *email = find_email(change,
			place->email);
		struct tree *tree = place->mailbox->tree;
		struct tree_at at;
		if (email == NULL || tree == NULL ||
		    !tree_seek(tree, place->uid, &at))
			continue;
		struct node *node = tree_node(tree, at);
		if (node->generation != change->generation)
			continue;
		unsigned slot = block_find(node->block, node->base, place->uid);
		if (slot == node->block->count ||
		    node->base + node->block->uid[slot] != place->uid)
			continue;
		node->block->segment[slot] = email->segment;
		node->block->offset[slot] = email->offset;
	}
}

/* Something may be gained: the body object or the segment holds nothing any
 * more, or so little since just now that it is worth compacting. */
static bool
is_worth_a_look(const struct account *account,
	const struct index_object *object, int64_t lost)
{
	uint64_t sparse = account->store->segment_size / COMPACT_SPARSE;
	uint64_t left = object->bytes + object->placements * COMPACT_BODY_COST;
	return object->placements == 0 || (object->segment != 0 && lost > 0 &&
		left < sparse &&
		left + (uint64_t)lost + COMPACT_BODY_COST >= sparse);
}

static void
count_objects(struct change *change, struct index_dirty *dirty)
{
	for (size_t i = 0; i < change->object_count; i++) {
		struct change_object *object = &change->object[i];
		if (object->segment == 0) {
			const struct change_email *email = find_email(change,
				object->email);
			if (email == NULL)
				continue;
			object->segment = email->segment;
			object->offset = email->offset;
		}
		int64_t size = (int64_t)object->size;
		const struct index_object *found = index_object_change(
			change->index, object->segment, object->offset,
			object->is_gain ? 1 : -1, object->is_gain ? size : -size);
		if (is_worth_a_look(change->account, found,
				object->is_gain ? 0 : size))
			atomic_store(&change->account->wants_space, true);
		index_dirty_object(dirty, found);
	}
}

/* Drops the tombstones of one node. */
static void
drop_tombstones(struct change *change, struct tree *tree, struct tree_at at)
{
	if (tree_node(tree, at)->summary.there > 0) {
		struct node *node = change_edit(change, tree, at);
		if (node != NULL)
			block_drop_tombstones(node->block, &node->summary,
				node->base);
		return;
	}
	struct node *old = tree_node(tree, at);
	if (old->generation != change->generation &&
	    supersede(change, tree, at) == NULL)
		return;
	struct node *gone = node_new(old->mailbox, old->base,
		change->generation, old->budget);
	add_fresh(change, gone);
	node_free(&gone);
	tree_remove(tree, at);
}

/* Drops whole nodes' worth of tombstones, those first whose newest is oldest. */
static void
limit_tombstones(struct change *change, struct tree *tree)
{
	struct tree_at at, oldest = { 0, 0 };
	while (tree->total.tombstones > TOMBSTONES_LEFT && !change->is_broken) {
		uint64_t low = UINT64_MAX;
		for (bool more = tree_first(tree, &at); more;
		    more = tree_next(tree, &at)) {
			const struct summary *s = &tree_node(tree, at)->summary;
			if (s->tombstones > 0 && s->vanished_high < low) {
				low = s->vanished_high;
				oldest = at;
			}
		}
		tree->total.tombstones -=
			tree_node(tree, oldest)->summary.tombstones;
		if (low > tree->floor)
			tree->floor = low;
		drop_tombstones(change, tree, oldest);
	}
}

static void
seal_trees(struct change *change)
{
	for (size_t i = 0; i < change->touched_count; i++) {
		struct tree *tree = change->touched[i]->tree;
		if (tree == NULL || tree->generation != change->generation)
			continue;
		tree_seal(tree);
		if (tree->total.tombstones <= TOMBSTONES_MOST)
			continue;
		limit_tombstones(change, tree);
		tree_seal(tree);
	}
}

/* What the file will be told. */
static void
make_dirty(struct change *change, const struct log_applied *applied)
{
	struct index *index = change->index;
	pthread_mutex_lock(&index->dirty_lock);
	struct index_dirty *dirty = index->dirty;
	count_objects(change, dirty);
	for (size_t i = 0; i < change->fresh_count; i++) {
		index_dirty_node(dirty, change->fresh[i]);
		change->fresh[i] = NULL;
	}
	for (size_t i = 0; i < change->touched_count; i++)
		if (change->touched[i]->tree != NULL)
			index_dirty_tree(dirty,
				tree_share(change->touched[i]->tree));
	for (size_t i = 0; i < change->annotation_count; i++) {
		index_dirty_bytes(&dirty->annotations,
			change->annotation[i].id, change->annotation[i].bytes);
		change->annotation[i].bytes = NULL;
		dirty->changes++;
	}
	for (size_t i = 0; i < change->annotation_gone_count; i++)
		index_dirty_annotations_gone(dirty,
			change->annotation_gone[i]);
	for (size_t i = 0; i < change->cache_gone_count; i++)
		index_dirty_cache_gone(dirty, change->cache_gone[i]);
	for (size_t i = 0; i < change->gone_count; i++)
		index_dirty_mailbox_gone(dirty, change->gone[i]);
	dirty->applied = *applied;
	dirty->changes++;
	pthread_mutex_unlock(&index->dirty_lock);
}

static void
note_watched(struct change *change, uint32_t mailbox)
{
	GROW(change->notice, change->notice_count);
	change->notice[change->notice_count++] = mailbox;
}

/* Trees whose last reference may go are freed after the lock is given up. */
static void
publish_mailboxes(struct change *change, struct tree **old)
{
	struct account *account = change->account;
	for (size_t i = 0; i < change->touched_count; i++) {
		struct mailbox *mailbox = change->touched[i];
		if (mailbox->tree != mailbox->published_tree) {
			old[i] = mailbox->published_tree;
			mailbox->published_tree = mailbox->tree == NULL ? NULL :
				tree_share(mailbox->tree);
		}
		mailbox_publish(mailbox);
		if (!change->is_silent)
			note_watched(change, mailbox->id);
		mailbox->is_touched = false;
		if (!mailbox->published.is_there && mailbox->tree == NULL)
			account_mailbox_remove(account, mailbox);
	}
	if (change->is_list_changed) {
		memory_free(account->sorted);
		account->sorted = NULL;
		note_watched(change, 0);
	}
	account->published = account->working;
}

void
change_publish(struct change *change, const struct log_applied *applied)
{
	struct account *account = change->account;
	struct tree **old = memory_new_array(change->touched_count,
		sizeof(*old));
	if (change->index != NULL) {
		fill_places(change);
		for (size_t i = 0; i < change->fresh_count; i++)
			if (change->fresh[i]->block != NULL)
				block_sum_flags(change->fresh[i]->block,
					&change->fresh[i]->summary);
		seal_trees(change);
		make_dirty(change, applied);
	}
	pthread_mutex_lock(&account->lock);
	publish_mailboxes(change, old);
	pthread_mutex_unlock(&account->lock);
	for (size_t i = 0; i < change->touched_count; i++)
		tree_free(&old[i]);
	memory_free(old);
	change->touched_count = 0;
	if (change->does_head) {
		head_transactions_trim(account, change->second);
		account->transaction_published = account->transaction_count;
		account->base.gone_published = account->base.gone_count;
	}
	forget(change);
}

void
change_undo(struct change *change)
{
	struct account *account = change->account;
	for (size_t i = 0; i < change->superseded_count; i++)
		index_restore(change->index, change->superseded[i]);
	for (size_t i = 0; i < change->touched_count; i++) {
		struct mailbox *mailbox = change->touched[i];
		tree_free(&mailbox->tree);
		if (mailbox->published_tree != NULL)
			mailbox->tree = tree_share(mailbox->published_tree);
		mailbox->is_touched = false;
		pthread_mutex_lock(&account->lock);
		mailbox_revert(mailbox);
		if (!mailbox->published.is_there && mailbox->tree == NULL)
			account_mailbox_remove(account, mailbox);
		pthread_mutex_unlock(&account->lock);
	}
	change->touched_count = 0;
	account->working = account->published;
	account->transaction_count = account->transaction_published;
	account->base.gone_count = account->base.gone_published;
	forget(change);
}
