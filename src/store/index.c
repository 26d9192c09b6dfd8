/*
 * An account's index while it is open: blocks in memory and how they come and
 * go, the objects that bodies live in, annotations and cached values.
 */
#include "store/index.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"

enum {
	BUDGET_OWN = 96 << 20,		/* bytes of blocks of one account */
	BUDGET_LEAST = 256 << 10,	/* left to it when all have too much */
	CACHED_LIMIT = 1 << 20,		/* bytes waiting to be written */
};

int
index_open(int directory, struct budget *above, enum index_start start,
	struct index **index, struct error *error)
{
	struct index_db *db;
	*index = NULL;
	if (start != INDEX_AS_IT_IS)
		index_db_set_aside(directory, start == INDEX_DAMAGED);
	if (index_db_open(directory, &db, error) < 0)
		return -1;
	struct index *new = memory_new(sizeof(*new));
	atomic_init(&new->refs, 1);
	pthread_mutex_init(&new->db_lock, NULL);
	pthread_mutex_init(&new->node_lock, NULL);
	pthread_mutex_init(&new->dirty_lock, NULL);
	new->db = db;
	new->budget.limit = BUDGET_OWN;
	new->budget.above = above;
	new->dirty = index_dirty_new();
	map_init(&new->objects);
	*index = new;
	return 0;
}

struct index *
index_share(struct index *index)
{
	atomic_fetch_add(&index->refs, 1);
	return index;
}

static void
drop_ring(struct index *index)
{
	for (size_t i = 0; i < index->ring_count; i++)
		node_free(&index->ring[(index->ring_start + i) %
			index->ring_room]);
	memory_free(index->ring);
}

void
index_free(struct index **index)
{
	struct index *old = *index;
	size_t cursor = 0;
	struct span key;
	void *object;
	*index = NULL;
	if (old == NULL || atomic_fetch_sub(&old->refs, 1) != 1)
		return;
	drop_ring(old);
	index_dirty_free(&old->dirty);
	index_dirty_free(&old->writing);
	while (map_next(&old->objects, &cursor, &key, &object))
		memory_free(object);
	map_fini(&old->objects);
	index_db_close(&old->db);
	pthread_mutex_destroy(&old->db_lock);
	pthread_mutex_destroy(&old->node_lock);
	pthread_mutex_destroy(&old->dirty_lock);
	memory_free(old);
}

void
index_break(struct index *index, const struct error *error)
{
	if (!atomic_exchange(&index->is_broken, true))
		log_event(LOG_ERROR, "index-broken", NULL,
			LOG_TEXT("reason", error->text));
}

/* ---- blocks ---- */

uint64_t
index_block_id(uint32_t mailbox, uint32_t base)
{
	return (uint64_t)mailbox << 22 | base / BLOCK_SLOTS;
}

/* Those that have a newer version are not kept for the ring's sake. */
static void
drop_superseded(struct index *index)
{
	size_t looks = index->ring_count;
	while (looks-- > 0) {
		struct node *node = index->ring[index->ring_start];
		index->ring_start = (index->ring_start + 1) % index->ring_room;
		index->ring_count--;
		if (!node->is_superseded) {
			index->ring[(index->ring_start +
				index->ring_count++) % index->ring_room] = node;
			continue;
		}
		node->is_listed = false;
		node_free(&node);
	}
}

void
index_list_node(struct index *index, struct node *node)
{
	if (node->is_listed)
		return;
	if (index->ring_count == index->ring_room) {
		drop_superseded(index);
		size_t room = index->ring_count * 2 + 16;
		struct node **ring = memory_new_array(room, sizeof(*ring));
		for (size_t i = 0; i < index->ring_count; i++)
			ring[i] = index->ring[(index->ring_start + i) %
				index->ring_room];
		memory_free(index->ring);
		index->ring = ring;
		index->ring_room = room;
		index->ring_start = 0;
	}
	index->ring[(index->ring_start + index->ring_count++) %
		index->ring_room] = node_share(node);
	node->is_listed = true;
}

static bool
has_too_much(const struct index *index)
{
	size_t own = atomic_load(&index->budget.used);
	const struct budget *above = index->budget.above;
	return own > index->budget.limit || (own > BUDGET_LEAST &&
		above != NULL && atomic_load(&above->used) > above->limit);
}

/* Drops the oldest blocks that were not used for a round, under the node
 * lock; each is looked at twice at most. */
void
index_make_room(struct index *index)
{
	size_t looks = index->ring_count * 2;
	while (looks-- > 0 && index->ring_count > 0 && has_too_much(index)) {
		struct node *node = index->ring[index->ring_start];
		index->ring_start = (index->ring_start + 1) % index->ring_room;
		index->ring_count--;
		node->is_listed = false;
		if (!node->is_superseded && (node->was_used ||
		    node->pins > 0)) {
			node->was_used = false;
			index_list_node(index, node);
		} else if (!node->is_superseded && node->is_stored) {
			node_set_block(node, NULL);
		}
		node_free(&node);
	}
}

/* Reads the block from the file, which has this version as long as the node
 * is without block. The node lock is not held. */
static struct block *
read_block(struct index *index, const struct node *node)
{
	struct buffer bytes;
	struct block *block = NULL;
	struct error error;
	bool found;
	buffer_init(&bytes, 0);
	if (atomic_load(&index->is_broken))
		return NULL;
	if (index_db_get(index->db, INDEX_BLOCK, index_block_id(node->mailbox,
			node->base), &bytes, &found, &error) == 0) {
		error_set(&error, ERROR_DAMAGED,
			"block %u of mailbox %u is missing or not a block",
			node->base, node->mailbox);
		if (found)
			block = block_decode(buffer_span(&bytes));
	}
	buffer_fini(&bytes);
	if (block == NULL)
		index_break(index, &error);
	return block;
}

/* Returns with the node lock held and, unless it is broken, a block there. */
static void
load_and_lock(struct index *index, struct node *node)
{
	pthread_mutex_lock(&index->node_lock);
	if (node->block != NULL)
		return;
	pthread_mutex_unlock(&index->node_lock);
	pthread_mutex_lock(&index->db_lock);
	pthread_mutex_lock(&index->node_lock);
	bool is_missing = node->block == NULL;
	pthread_mutex_unlock(&index->node_lock);
	struct block *block = is_missing ? read_block(index, node) : NULL;
	pthread_mutex_lock(&index->node_lock);
	if (block != NULL) {
		node_set_block(node, block);
		node->pins++;
		index_list_node(index, node);
		index_make_room(index);
		node->pins--;
	}
	pthread_mutex_unlock(&index->db_lock);
}

const struct block *
index_pin(struct index *index, struct node *node)
{
	load_and_lock(index, node);
	const struct block *block = node->block;
	if (block != NULL) {
		node->pins++;
		node->was_used = true;
	}
	pthread_mutex_unlock(&index->node_lock);
	return block;
}

void
index_unpin(struct index *index, struct node *node)
{
	pthread_mutex_lock(&index->node_lock);
	assert(node->pins > 0);
	node->pins--;
	pthread_mutex_unlock(&index->node_lock);
}

const struct block *
index_supersede(struct index *index, struct node *node)
{
	load_and_lock(index, node);
	const struct block *block = node->block;
	if (block != NULL)
		node->is_superseded = true;
	pthread_mutex_unlock(&index->node_lock);
	return block;
}

void
index_restore(struct index *index, struct node *node)
{
	pthread_mutex_lock(&index->node_lock);
	node->is_superseded = false;
	if (node->is_stored)
		index_list_node(index, node);
	pthread_mutex_unlock(&index->node_lock);
}

/* ---- objects ---- */

struct index_object *
index_object_find(struct index *index, uint64_t segment, uint64_t number)
{
	uint64_t key[2] = { segment, number };
	return map_get(&index->objects, span_of(key, sizeof(key)));
}

struct index_object *
index_object_change(struct index *index, uint64_t segment, uint64_t offset,
	int64_t placements, int64_t bytes)
{
	uint64_t key[2] = { segment, 0 };
	if (segment == LOG_BODY) {
		key[0] = 0;
		key[1] = offset;
	}
	struct index_object *object = index_object_find(index, key[0], key[1]);
	if (object == NULL) {
		object = memory_new(sizeof(*object));
		object->segment = key[0];
		object->number = key[1];
		map_put(&index->objects, span_of(key, sizeof(key)), object);
	}
	object->placements += (uint64_t)placements;
	object->bytes += (uint64_t)bytes;
	return object;
}

/* ---- what is kept beside messages ---- */

uint64_t
index_annotation_id(uint32_t mailbox, uint32_t uid)
{
	return (uint64_t)mailbox << 32 | uid;
}

/* What is dirty is newer than what is being written, and that than the file. */
static bool
find_unwritten(struct index *index, bool in_cache, uint64_t id,
	struct buffer *out)
{
	const struct index_bytes *bytes = NULL;
	pthread_mutex_lock(&index->dirty_lock);
	const struct index_dirty *dirty[2] = { index->dirty, index->writing };
	for (int i = 0; i < 2 && bytes == NULL; i++)
		if (dirty[i] != NULL)
			bytes = map_get(in_cache ? &dirty[i]->cached :
				&dirty[i]->annotations, map_key_u64(&id));
	if (bytes != NULL)
		buffer_add(out, span_of(bytes->data, bytes->size));
	pthread_mutex_unlock(&index->dirty_lock);
	return bytes != NULL;
}

static int
get_bytes(struct index *index, bool in_cache, uint64_t id,
	struct buffer *out, bool *found)
{
	struct error error;
	*found = find_unwritten(index, in_cache, id, out);
	if (*found)
		return 0;
	pthread_mutex_lock(&index->db_lock);
	/* It may have been written between the two looks. */
	int result = index_db_get(index->db, in_cache ? INDEX_CACHE :
		INDEX_ANNOTATION, id, out, found, &error);
	pthread_mutex_unlock(&index->db_lock);
	if (result < 0)
		index_break(index, &error);
	return result;
}

int
index_annotation_get(struct index *index, uint32_t mailbox, uint32_t uid,
	struct buffer *out, bool *found)
{
	return get_bytes(index, false, index_annotation_id(mailbox, uid), out,
		found);
}

bool
index_cache_get(struct index *index, uint64_t id, struct buffer *out)
{
	bool found;
	return get_bytes(index, true, id, out, &found) == 0 && found;
}

void
index_cache_put(struct index *index, uint64_t id, struct span bytes)
{
	pthread_mutex_lock(&index->dirty_lock);
	struct index_dirty *dirty = index->dirty;
	if (dirty->cached_bytes + bytes.size <= CACHED_LIMIT) {
		struct index_bytes *copy = memory_new(sizeof(*copy) +
			bytes.size);
		copy->size = bytes.size;
		if (bytes.size > 0)
			memcpy(copy->data, bytes.data, bytes.size);
		index_dirty_bytes(&dirty->cached, id, copy);
		dirty->cached_bytes += bytes.size;
		dirty->changes++;
	}
	pthread_mutex_unlock(&index->dirty_lock);
}
