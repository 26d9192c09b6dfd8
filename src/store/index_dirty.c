/*
 * What was published and is not in the index's file yet, and the writing of it:
 * one SQLite transaction that also says which group of the log it brings the
 * file up to. A block is written once, however often it changed meanwhile.
 */
#include "store/index.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

/* So many ranges of cached values to be removed one by one; beyond, all. */
enum { CACHE_GONE_LIMIT = 10000 };

struct index_dirty *
index_dirty_new(void)
{
	struct index_dirty *dirty = memory_new(sizeof(*dirty));
	map_init(&dirty->nodes);
	map_init(&dirty->trees);
	map_init(&dirty->objects);
	map_init(&dirty->annotations);
	map_init(&dirty->cached);
	map_init(&dirty->recent);
	return dirty;
}

static void
free_nodes(struct map *map)
{
	size_t cursor = 0;
	struct span key;
	void *value;
	while (map_next(map, &cursor, &key, &value)) {
		struct node *node = value;
		node_free(&node);
	}
	map_fini(map);
}

static void
free_trees(struct map *map)
{
	size_t cursor = 0;
	struct span key;
	void *value;
	while (map_next(map, &cursor, &key, &value)) {
		struct tree *tree = value;
		tree_free(&tree);
	}
	map_fini(map);
}

static void
free_memory(struct map *map)
{
	size_t cursor = 0;
	struct span key;
	void *value;
	while (map_next(map, &cursor, &key, &value))
		memory_free(value);
	map_fini(map);
}

void
index_dirty_free(struct index_dirty **dirty)
{
	struct index_dirty *old = *dirty;
	*dirty = NULL;
	if (old == NULL)
		return;
	free_nodes(&old->nodes);
	free_trees(&old->trees);
	free_memory(&old->objects);
	free_memory(&old->annotations);
	free_memory(&old->cached);
	map_fini(&old->recent);
	memory_free(old->annotations_gone);
	memory_free(old->cache_gone);
	memory_free(old->mailbox_gone);
	memory_free(old);
}

/* ---- adding ---- */

void
index_dirty_node(struct index_dirty *dirty, struct node *node)
{
	uint64_t id = index_block_id(node->mailbox, node->base);
	struct node *old = map_put(&dirty->nodes, map_key_u64(&id), node);
	node_free(&old);
	dirty->changes++;
}

void
index_dirty_tree(struct index_dirty *dirty, struct tree *tree)
{
	uint64_t id = tree->mailbox;
	struct tree *old = map_put(&dirty->trees, map_key_u64(&id), tree);
	tree_free(&old);
	dirty->changes++;
}

void
index_dirty_bytes(struct map *map, uint64_t id, struct index_bytes *bytes)
{
	memory_free(map_put(map, map_key_u64(&id), bytes));
}

void
index_dirty_object(struct index_dirty *dirty,
	const struct index_object *object)
{
	struct index_object *copy = memory_new(sizeof(*copy));
	*copy = *object;
	memory_free(map_put(&dirty->objects, span_of(copy, 16), copy));
	dirty->changes++;
}

static void
add_range(struct index_range **ranges, size_t *count,
	struct index_range range)
{
	if (*count > 0 && (*ranges)[*count - 1].last + 1 == range.first) {
		(*ranges)[*count - 1].last = range.last;
		return;
	}
	if ((*count & (*count - 1)) == 0)
		*ranges = memory_resize(*ranges,
			(*count == 0 ? 1 : *count * 2) * sizeof(**ranges));
	(*ranges)[(*count)++] = range;
}

void
index_dirty_annotations_gone(struct index_dirty *dirty,
	struct index_range range)
{
	add_range(&dirty->annotations_gone, &dirty->annotations_gone_count,
		range);
	dirty->changes++;
}

void
index_dirty_cache_gone(struct index_dirty *dirty, uint64_t email)
{
	if (dirty->cache_gone_count > CACHE_GONE_LIMIT)
		return;
	add_range(&dirty->cache_gone, &dirty->cache_gone_count,
		dirty->cache_gone_count == CACHE_GONE_LIMIT ?
		(struct index_range){ 0, INT64_MAX } :
		(struct index_range){ email * 4, email * 4 + 3 });
	dirty->changes++;
}

void
index_dirty_recent(struct index_dirty *dirty, uint32_t mailbox, uint32_t uid)
{
	uint64_t id = mailbox;
	map_put(&dirty->recent, map_key_u64(&id), (void *)(uintptr_t)uid);
	dirty->changes++;
}

void
index_dirty_mailbox_gone(struct index_dirty *dirty, uint32_t mailbox)
{
	dirty->mailbox_gone = memory_resize(dirty->mailbox_gone,
		(dirty->mailbox_gone_count + 1) * sizeof(mailbox));
	dirty->mailbox_gone[dirty->mailbox_gone_count++] = mailbox;
	dirty->changes++;
}

/* ---- writing ---- */

static int
write_nodes(struct index *index, const struct index_dirty *dirty,
	struct buffer *bytes, struct error *error)
{
	size_t cursor = 0;
	struct span key;
	void *value;
	int result = 0;
	while (result == 0 && map_next(&dirty->nodes, &cursor, &key, &value)) {
		const struct node *node = value;
		uint64_t id = index_block_id(node->mailbox, node->base);
		struct index_key item = { INDEX_SUMMARY, node->mailbox,
			node->base };
		if (node->block == NULL) {
			result = index_db_delete(index->db, INDEX_BLOCK, id, id,
				error);
			if (result == 0)
				result = index_db_delete_items(index->db, item,
					node->base, error);
			continue;
		}
		buffer_clear(bytes);
		block_encode(node->block, bytes);
		result = index_db_put(index->db, INDEX_BLOCK, id,
			buffer_span(bytes), error);
		buffer_clear(bytes);
		summary_encode(&node->summary, bytes);
		if (result == 0)
			result = index_db_put_item(index->db, item,
				buffer_span(bytes), error);
	}
	return result;
}

static void
encode_tree(const struct tree *tree, struct buffer *out)
{
	unsigned count = tree->keywords == NULL ? 0 : tree->keywords->count;
	buffer_clear(out);
	codec_add_varint(out, tree->uid_validity);
	codec_add_varint(out, tree->uid_next);
	codec_add_varint(out, tree->modseq);
	codec_add_varint(out, tree->floor);
	codec_add_varint(out, count);
	for (unsigned i = 0; i < count; i++) {
		codec_add_varint(out, i);
		codec_add_bytes(out, tree->keywords->name[i]);
	}
}

static int
write_small(struct index *index, const struct index_dirty *dirty,
	struct buffer *bytes, struct error *error)
{
	size_t cursor = 0;
	struct span key;
	void *value;
	int result = 0;
	while (result == 0 && map_next(&dirty->trees, &cursor, &key, &value)) {
		const struct tree *tree = value;
		encode_tree(tree, bytes);
		result = index_db_put_item(index->db, (struct index_key){
			INDEX_MAILBOX, tree->mailbox, 0 }, buffer_span(bytes),
			error);
	}
	cursor = 0;
	while (result == 0 && map_next(&dirty->objects, &cursor, &key, &value)) {
		const struct index_object *object = value;
		struct index_key item = { INDEX_OBJECT, object->segment,
			object->number };
		buffer_clear(bytes);
		codec_add_varint(bytes, object->placements);
		codec_add_varint(bytes, object->bytes);
		result = object->placements == 0 ?
			index_db_delete_items(index->db, item, item.b, error) :
			index_db_put_item(index->db, item, buffer_span(bytes),
				error);
	}
	return result;
}

static int
write_recent(struct index *index, const struct index_dirty *dirty,
	struct buffer *bytes, struct error *error)
{
	size_t cursor = 0;
	struct span key;
	void *value;
	int result = 0;
	while (result == 0 && map_next(&dirty->recent, &cursor, &key, &value)) {
		struct index_key item = { INDEX_RECENT, 0, 0 };
		memcpy(&item.a, key.data, sizeof(item.a));
		buffer_clear(bytes);
		codec_add_varint(bytes, (uintptr_t)value);
		result = index_db_put_item(index->db, item,
			buffer_span(bytes), error);
	}
	return result;
}

static int
write_bytes(struct index *index, enum index_table table,
	const struct map *map, struct error *error)
{
	size_t cursor = 0;
	struct span key;
	void *value;
	int result = 0;
	while (result == 0 && map_next(map, &cursor, &key, &value)) {
		const struct index_bytes *bytes = value;
		uint64_t id;
		memcpy(&id, key.data, sizeof(id));
		result = bytes->size == 0 ?
			index_db_delete(index->db, table, id, id, error) :
			index_db_put(index->db, table, id,
				span_of(bytes->data, bytes->size), error);
	}
	return result;
}

static int
delete_ranges(struct index *index, enum index_table table,
	const struct index_range *ranges, size_t count, struct error *error)
{
	int result = 0;
	for (size_t i = 0; i < count && result == 0; i++)
		result = index_db_delete(index->db, table, ranges[i].first,
			ranges[i].last, error);
	return result;
}

/* Blocks of a mailbox that is gone stay while somebody may still look at it;
 * whatever is left over then goes when the index is opened again. */
static int
delete_mailboxes(struct index *index, const struct index_dirty *dirty,
	struct error *error)
{
	int result = 0;
	bool is_watched = atomic_load(&index->views) > 0;
	for (size_t i = 0; i < dirty->mailbox_gone_count && result == 0; i++) {
		uint64_t id = dirty->mailbox_gone[i];
		result = index_db_delete_items(index->db,
			(struct index_key){ INDEX_MAILBOX, id, 0 }, 0, error);
		if (result == 0)
			result = index_db_delete_items(index->db,
				(struct index_key){ INDEX_RECENT, id, 0 }, 0,
				error);
		if (result == 0)
			result = index_db_delete(index->db, INDEX_ANNOTATION,
				id << 32, id << 32 | UINT32_MAX, error);
		if (is_watched || result < 0)
			continue;
		result = index_db_delete_items(index->db,
			(struct index_key){ INDEX_SUMMARY, id, 0 }, UINT32_MAX,
			error);
		if (result == 0)
			result = index_db_delete(index->db, INDEX_BLOCK,
				id << 22, ((id + 1) << 22) - 1, error);
	}
	return result;
}

static int
write_applied(struct index *index, const struct log_applied *applied,
	struct buffer *bytes, struct error *error)
{
	buffer_clear(bytes);
	buffer_add_u64(bytes, applied->mark.segment);
	buffer_add_u64(bytes, applied->mark.offset);
	buffer_add_u32(bytes, applied->salt);
	buffer_add_u32(bytes, applied->crc);
	return index_db_put_item(index->db,
		(struct index_key){ INDEX_APPLIED, 0, 0 },
		buffer_span(bytes), error);
}

static int
write_dirty(struct index *index, const struct index_dirty *dirty,
	struct error *error)
{
	struct buffer bytes;
	buffer_init(&bytes, 0);
	int result = index_db_begin(index->db, error);
	if (result == 0)
		result = write_nodes(index, dirty, &bytes, error);
	if (result == 0)
		result = write_small(index, dirty, &bytes, error);
	if (result == 0)
		result = write_recent(index, dirty, &bytes, error);
	if (result == 0)
		result = write_bytes(index, INDEX_ANNOTATION,
			&dirty->annotations, error);
	if (result == 0)
		result = delete_ranges(index, INDEX_ANNOTATION,
			dirty->annotations_gone, dirty->annotations_gone_count,
			error);
	if (result == 0)
		result = write_bytes(index, INDEX_CACHE, &dirty->cached, error);
	if (result == 0)
		result = delete_ranges(index, INDEX_CACHE, dirty->cache_gone,
			dirty->cache_gone_count, error);
	if (result == 0)
		result = delete_mailboxes(index, dirty, error);
	if (result == 0)
		result = write_applied(index, &dirty->applied, &bytes, error);
	if (result == 0)
		result = index_db_commit(index->db, error);
	if (result < 0)
		index_db_rollback(index->db);
	buffer_fini(&bytes);
	return result;
}

/* Their blocks may be dropped from memory from now on. */
static void
mark_stored(struct index *index, const struct index_dirty *written)
{
	size_t cursor = 0;
	struct span key;
	void *value;
	pthread_mutex_lock(&index->node_lock);
	while (map_next(&written->nodes, &cursor, &key, &value)) {
		struct node *node = value;
		node->is_stored = true;
		if (node->block != NULL && !node->is_superseded)
			index_list_node(index, node);
	}
	index_make_room(index);
	pthread_mutex_unlock(&index->node_lock);
}

/* The db lock is held. */
static int
write_set(struct index *index, struct error *error)
{
	if (write_dirty(index, index->writing, error) < 0) {
		if (error->code == ERROR_DAMAGED)
			index_break(index, error);
		return -1;
	}
	mark_stored(index, index->writing);
	pthread_mutex_lock(&index->dirty_lock);
	struct index_dirty *written = index->writing;
	index->writing = NULL;
	pthread_mutex_unlock(&index->dirty_lock);
	index_dirty_free(&written);
	return 0;
}

/* A set that could not be written stays in `writing` and goes first the next
 * time; what came after it is newer and waits its turn. */
int
index_flush(struct index *index, struct error *error)
{
	int result = 0;
	pthread_mutex_lock(&index->db_lock);
	if (index->writing != NULL)
		result = write_set(index, error);
	if (result == 0) {
		pthread_mutex_lock(&index->dirty_lock);
		if (index->dirty->changes > 0) {
			index->writing = index->dirty;
			index->dirty = index_dirty_new();
			index->dirty->applied = index->writing->applied;
		}
		pthread_mutex_unlock(&index->dirty_lock);
		if (index->writing != NULL)
			result = write_set(index, error);
	}
	if (result == 0)
		index_db_tidy(index->db);
	pthread_mutex_unlock(&index->db_lock);
	return result;
}

bool
index_is_dirty(struct index *index)
{
	pthread_mutex_lock(&index->dirty_lock);
	bool is_dirty = index->dirty->changes > 0 || index->writing != NULL;
	pthread_mutex_unlock(&index->dirty_lock);
	return is_dirty;
}
