/*
 * Trees of blocks: shared, copied on write. References are counted because
 * readers come and go on any thread; content needs no lock, since what is
 * published does not change (but for the blocks that are loaded and dropped,
 * which index.c does).
 */
#include "store/tree.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

static bool
drop(atomic_uint *refs)
{
	return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}

static void
take(atomic_uint *refs)
{
	atomic_fetch_add_explicit(refs, 1, memory_order_relaxed);
}

/* ---- nodes ---- */

struct node *
node_new(uint32_t mailbox, uint32_t base, uint64_t generation,
	struct budget *budget)
{
	struct node *node = memory_new(sizeof(*node));
	atomic_init(&node->refs, 1);
	node->mailbox = mailbox;
	node->base = base;
	node->generation = generation;
	node->budget = budget;
	return node;
}

struct node *
node_share(struct node *node)
{
	take(&node->refs);
	return node;
}

static void
count_memory(struct budget *budget, size_t more, size_t less)
{
	for (; budget != NULL; budget = budget->above) {
		atomic_fetch_add(&budget->used, more);
		atomic_fetch_sub(&budget->used, less);
	}
}

void
node_set_block(struct node *node, struct block *block)
{
	if (node->block != NULL) {
		count_memory(node->budget, 0, block_memory(node->block));
		block_free(&node->block);
	}
	node->block = block;
	if (block != NULL)
		count_memory(node->budget, block_memory(block), 0);
}

void
node_append(struct node *node, const struct slot *slot)
{
	size_t before = block_memory(node->block);
	block_append(&node->block, &node->summary, node->base, slot);
	count_memory(node->budget, block_memory(node->block), before);
}

void
node_free(struct node **node)
{
	struct node *old = *node;
	*node = NULL;
	if (old == NULL || !drop(&old->refs))
		return;
	assert(old->pins == 0);
	node_set_block(old, NULL);
	memory_free(old);
}

/* ---- chunks ---- */

static struct chunk *
chunk_new(uint64_t generation)
{
	struct chunk *chunk = memory_new(sizeof(*chunk));
	atomic_init(&chunk->refs, 1);
	chunk->generation = generation;
	return chunk;
}

static void
chunk_free(struct chunk **chunk)
{
	struct chunk *old = *chunk;
	*chunk = NULL;
	if (old == NULL || !drop(&old->refs))
		return;
	for (unsigned i = 0; i < old->count; i++)
		node_free(&old->node[i]);
	memory_free(old);
}

static struct chunk *
edit_chunk(struct tree *tree, unsigned at)
{
	struct chunk *old = tree->chunk[at];
	if (old->generation == tree->generation)
		return old;
	struct chunk *new = chunk_new(tree->generation);
	new->count = old->count;
	new->total = old->total;
	new->modseq = old->modseq;
	new->created = old->created;
	new->vanished = old->vanished;
	for (unsigned i = 0; i < old->count; i++) {
		new->before[i] = old->before[i];
		new->node[i] = node_share(old->node[i]);
	}
	tree->chunk[at] = new;
	chunk_free(&old);
	return new;
}

/* ---- trees ---- */

struct tree *
tree_new(uint32_t mailbox, uint32_t uid_validity, uint64_t generation)
{
	struct tree *tree = memory_new(sizeof(*tree));
	atomic_init(&tree->refs, 1);
	tree->mailbox = mailbox;
	tree->uid_validity = uid_validity;
	tree->uid_next = 1;
	tree->generation = generation;
	return tree;
}

struct tree *
tree_share(struct tree *tree)
{
	take(&tree->refs);
	return tree;
}

void
tree_free(struct tree **tree)
{
	struct tree *old = *tree;
	*tree = NULL;
	if (old == NULL || !drop(&old->refs))
		return;
	for (unsigned i = 0; i < old->count; i++)
		chunk_free(&old->chunk[i]);
	keywords_free(&old->keywords);
	memory_free(old->chunk);
	memory_free(old->before);
	memory_free(old);
}

void
tree_edit(struct tree **tree, uint64_t generation)
{
	struct tree *old = *tree;
	if (old->generation == generation)
		return;
	struct tree *new = tree_new(old->mailbox, old->uid_validity,
		generation);
	new->uid_next = old->uid_next;
	new->modseq = old->modseq;
	new->floor = old->floor;
	new->total = old->total;
	new->count = old->count;
	new->room = old->count + 1;
	new->chunk = memory_new_array(new->room, sizeof(*new->chunk));
	new->before = memory_new_array(new->room, sizeof(*new->before));
	for (unsigned i = 0; i < old->count; i++) {
		take(&old->chunk[i]->refs);
		new->chunk[i] = old->chunk[i];
		new->before[i] = old->before[i];
	}
	if (old->keywords != NULL) {
		take(&old->keywords->refs);
		new->keywords = old->keywords;
	}
	*tree = new;
	tree_free(&old);
}

void
tree_replace(struct tree *tree, struct tree_at at, struct node *node)
{
	struct chunk *chunk = edit_chunk(tree, at.chunk);
	node_free(&chunk->node[at.node]);
	chunk->node[at.node] = node;
}

static void
make_room(struct tree *tree)
{
	if (tree->count < tree->room)
		return;
	tree->room = tree->room * 2 + 1;
	tree->chunk = memory_resize(tree->chunk,
		tree->room * sizeof(*tree->chunk));
	tree->before = memory_resize(tree->before,
		tree->room * sizeof(*tree->before));
}

void
tree_append(struct tree *tree, struct node *node)
{
	if (tree->count == 0 ||
	    tree->chunk[tree->count - 1]->count == CHUNK_NODES) {
		make_room(tree);
		tree->before[tree->count] = tree->total.there;
		tree->chunk[tree->count++] = chunk_new(tree->generation);
	}
	struct chunk *chunk = edit_chunk(tree, tree->count - 1);
	assert(chunk->count == 0 ||
		chunk->node[chunk->count - 1]->base < node->base);
	chunk->node[chunk->count++] = node;
}

void
tree_remove(struct tree *tree, struct tree_at at)
{
	struct chunk *chunk = edit_chunk(tree, at.chunk);
	node_free(&chunk->node[at.node]);
	chunk->count--;
	memmove(chunk->node + at.node, chunk->node + at.node + 1,
		(chunk->count - at.node) * sizeof(*chunk->node));
	if (chunk->count > 0)
		return;
	chunk_free(&tree->chunk[at.chunk]);
	tree->count--;
	memmove(tree->chunk + at.chunk, tree->chunk + at.chunk + 1,
		(tree->count - at.chunk) * sizeof(*tree->chunk));
}

void
tree_set_keywords(struct tree *tree, struct keywords *keywords)
{
	keywords_free(&tree->keywords);
	tree->keywords = keywords;
}

static void
add_total(struct tree_total *sum, const struct tree_total *part)
{
	sum->there += part->there;
	sum->unseen += part->unseen;
	sum->deleted += part->deleted;
	sum->tombstones += part->tombstones;
	sum->size += part->size;
	sum->deleted_size += part->deleted_size;
}

static void
seal_chunk(struct chunk *chunk)
{
	chunk->total = (struct tree_total){ 0 };
	chunk->modseq = chunk->created = chunk->vanished = 0;
	for (unsigned i = 0; i < chunk->count; i++) {
		const struct summary *summary = &chunk->node[i]->summary;
		chunk->before[i] = chunk->total.there;
		if (summary->modseq > chunk->modseq)
			chunk->modseq = summary->modseq;
		if (summary->created > chunk->created)
			chunk->created = summary->created;
		if (summary->vanished_high > chunk->vanished)
			chunk->vanished = summary->vanished_high;
		add_total(&chunk->total, &(struct tree_total){
			summary->there, summary->unseen, summary->deleted,
			summary->tombstones, summary->size,
			summary->deleted_size });
	}
}

void
tree_seal(struct tree *tree)
{
	tree->total = (struct tree_total){ 0 };
	for (unsigned i = 0; i < tree->count; i++) {
		if (tree->chunk[i]->generation == tree->generation)
			seal_chunk(tree->chunk[i]);
		tree->before[i] = tree->total.there;
		add_total(&tree->total, &tree->chunk[i]->total);
	}
}

/* ---- looking ---- */

struct node *
tree_node(const struct tree *tree, struct tree_at at)
{
	return tree->chunk[at.chunk]->node[at.node];
}

bool
tree_first(const struct tree *tree, struct tree_at *at)
{
	*at = (struct tree_at){ 0, 0 };
	return tree->count > 0;
}

bool
tree_next(const struct tree *tree, struct tree_at *at)
{
	if (++at->node < tree->chunk[at->chunk]->count)
		return true;
	at->node = 0;
	return ++at->chunk < tree->count;
}

bool
tree_seek(const struct tree *tree, uint32_t uid, struct tree_at *at)
{
	uint32_t base = block_base(uid);
	unsigned low = 0, high = tree->count;
	while (low < high) {	/* the first chunk whose last node is not before */
		unsigned middle = (low + high) / 2;
		const struct chunk *chunk = tree->chunk[middle];
		if (chunk->node[chunk->count - 1]->base < base)
			low = middle + 1;
		else
			high = middle;
	}
	*at = (struct tree_at){ low, 0 };
	if (low == tree->count)
		return false;
	const struct chunk *chunk = tree->chunk[low];
	low = 0;
	high = chunk->count;
	while (low < high) {
		unsigned middle = (low + high) / 2;
		if (chunk->node[middle]->base < base)
			low = middle + 1;
		else
			high = middle;
	}
	at->node = low;
	return true;
}

uint32_t
tree_before(const struct tree *tree, struct tree_at at)
{
	return tree->before[at.chunk] + tree->chunk[at.chunk]->before[at.node];
}

/* ---- keywords ---- */

int
keywords_find(const struct keywords *keywords, struct span name)
{
	if (keywords == NULL)
		return -1;
	for (unsigned i = 0; i < keywords->count; i++)
		if (keywords->name[i].size > 0 &&
		    span_equals_nocase(keywords->name[i], name))
			return (int)i;
	return -1;
}

struct keywords *
keywords_with(const struct keywords *keywords, unsigned number,
	struct span name)
{
	unsigned old = keywords == NULL ? 0 : keywords->count;
	unsigned count = number >= old ? number + 1 : old;
	size_t size = name.size;
	for (unsigned i = 0; i < old; i++)
		size += keywords->name[i].size;
	struct keywords *new = memory_new(sizeof(*new) +
		count * sizeof(new->name[0]) + size);
	char *end = (char *)(new->name + count);
	atomic_init(&new->refs, 1);
	new->count = count;
	for (unsigned i = 0; i < count; i++) {
		struct span from = i == number ? name :
			i < old ? keywords->name[i] : span_of(NULL, 0);
		if (from.size > 0)
			memcpy(end, from.data, from.size);
		new->name[i] = span_of(end, from.size);
		end += from.size;
	}
	return new;
}

void
keywords_free(struct keywords **keywords)
{
	struct keywords *old = *keywords;
	*keywords = NULL;
	if (old != NULL && drop(&old->refs))
		memory_free(old);
}
