/*
 * An account's index: the blocks that can be loaded when they are needed, what
 * was published and is not written yet, and the file it is written to, behind
 * the acknowledgement. The log is the truth; whenever this is in doubt it is
 * broken, and made again from the log.
 *
 * Locks, in this order: db_lock, node_lock; dirty_lock alone.
 */
#ifndef STORE_INDEX_H
#define STORE_INDEX_H

#include <pthread.h>

#include "base/map.h"
#include "store/index_db.h"
#include "store/log.h"
#include "store/tree.h"

/* A segment (or, with segment 0, a body object), and what lives in it. */
struct index_object {
	uint64_t segment, number;
	uint64_t placements, bytes;
};

/* What was published and is not in the file. */
struct index_dirty {
	struct map nodes;	/* block id: struct node *, without block: gone */
	struct map trees;	/* mailbox id: struct tree * */
	struct map objects;	/* struct index_object *, its first 16 bytes the key */
	struct map annotations;	/* mailbox and UID: struct index_bytes * */
	struct map cached;	/* cache id: struct index_bytes * */
	struct map recent;	/* mailbox id: a UID as pointer */
	struct index_range *annotations_gone, *cache_gone;
	size_t annotations_gone_count, cache_gone_count;
	uint32_t *mailbox_gone;
	size_t mailbox_gone_count;
	struct log_applied applied;
	size_t changes, cached_bytes;
};

struct index_bytes {
	size_t size;
	char data[];
};

struct index {
	atomic_uint refs;
	atomic_uint views;
	atomic_bool is_broken;

	pthread_mutex_t db_lock;
	struct index_db *db;

	pthread_mutex_t node_lock;	/* blocks of published nodes; the ring */
	struct budget budget;
	struct node **ring;		/* loaded blocks, oldest first, a reference each */
	size_t ring_start, ring_count, ring_room;

	pthread_mutex_t dirty_lock;
	struct index_dirty *dirty;
	struct index_dirty *writing;	/* NULL: nothing is being written */

	struct map objects;		/* all; the leader's own */
};

enum index_start {
	INDEX_AS_IT_IS,
	INDEX_ANEW,		/* an empty one */
	INDEX_DAMAGED,		/* an empty one; the file is set aside */
};
int
index_open(int directory, struct budget *above, enum index_start start,
	struct index **index, struct error *error);
struct index *
index_share(struct index *index);
/* The last reference closes; what is dirty is lost unless it was flushed. */
void
index_free(struct index **index);

/* Says that it must be made again, and logs why, once. */
void
index_break(struct index *index, const struct error *error);

/* ---- blocks ---- */

uint64_t
index_block_id(uint32_t mailbox, uint32_t base);

/* The block, loaded if need be, until index_unpin. NULL: the index is broken. */
const struct block *
index_pin(struct index *index, struct node *node);
void
index_unpin(struct index *index, struct node *node);

/* The leader is about to make a newer version of this published node: its
 * block stays in memory from now on. NULL: the index is broken. */
const struct block *
index_supersede(struct index *index, struct node *node);
void
index_restore(struct index *index, struct node *node);

/* With node_lock held: this node's block may be dropped when memory is short;
 * drops what there is too much of. */
void
index_list_node(struct index *index, struct node *node);
void
index_make_room(struct index *index);

/* ---- objects; the leader's ---- */

/* What lives in a body's segment or object changes by so much. */
struct index_object *
index_object_change(struct index *index, uint64_t segment, uint64_t offset,
	int64_t placements, int64_t bytes);
struct index_object *
index_object_find(struct index *index, uint64_t segment, uint64_t number);

/* ---- what is kept beside messages ---- */

uint64_t
index_annotation_id(uint32_t mailbox, uint32_t uid);

/* *found: whether there is one. -1: the index is broken. */
int
index_annotation_get(struct index *index, uint32_t mailbox, uint32_t uid,
	struct buffer *out, bool *found);
bool
index_cache_get(struct index *index, uint64_t id, struct buffer *out);
void
index_cache_put(struct index *index, uint64_t id, struct span bytes);

/* ---- publishing; with dirty_lock held ---- */

struct index_dirty *
index_dirty_new(void);
void
index_dirty_free(struct index_dirty **dirty);

/* These take over a reference (or the memory) given. */
void
index_dirty_node(struct index_dirty *dirty, struct node *node);
void
index_dirty_tree(struct index_dirty *dirty, struct tree *tree);
void
index_dirty_bytes(struct map *map, uint64_t id, struct index_bytes *bytes);
void
index_dirty_object(struct index_dirty *dirty,
	const struct index_object *object);
void
index_dirty_annotations_gone(struct index_dirty *dirty,
	struct index_range range);
void
index_dirty_cache_gone(struct index_dirty *dirty, uint64_t email);
void
index_dirty_recent(struct index_dirty *dirty, uint32_t mailbox, uint32_t uid);
void
index_dirty_mailbox_gone(struct index_dirty *dirty, uint32_t mailbox);

/* ---- writing ---- */

/* Writes what is dirty. -1: it stays dirty (or the index is broken). */
int
index_flush(struct index *index, struct error *error);

bool
index_is_dirty(struct index *index);

#endif
