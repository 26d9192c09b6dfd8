/*
 * The messages of one mailbox at one moment: a tree of two levels over blocks.
 * A tree that was published is never changed again; the leader of the account
 * changes copies, which share everything that is not touched. What a change
 * made carries its generation, and only that may be changed in place.
 *
 * Sequence numbers are sums over what stands before, kept in each level, so
 * that nothing here depends on how many messages there are.
 */
#ifndef STORE_TREE_H
#define STORE_TREE_H

#include <stdatomic.h>

#include "store/block.h"

enum { CHUNK_NODES = 64 };

/* Names of keywords by number; shared, never changed. */
struct keywords {
	atomic_uint refs;
	unsigned count;
	struct span name[];		/* bytes behind it; empty: number not in use */
};

/* Memory of blocks, of an account and of all together. */
struct budget {
	atomic_size_t used;
	size_t limit;
	struct budget *above;
};

struct node {
	atomic_uint refs;
	uint32_t mailbox, base;
	uint64_t generation;
	struct summary summary;
	struct budget *budget;

	/* Guarded by the index's node lock once the node is published. */
	struct block *block;		/* NULL: it is in the index only */
	unsigned pins;
	bool was_used;
	bool is_listed;			/* among those that may be dropped */
	bool is_stored;			/* the index has exactly this */
	bool is_superseded;		/* or may soon have a newer one */
};

/* Sums over a chunk or a tree. */
struct tree_total {
	uint32_t there, unseen, deleted, tombstones;
	uint64_t size, deleted_size;
};

struct chunk {
	atomic_uint refs;
	uint64_t generation;
	unsigned count;
	struct tree_total total;
	uint64_t modseq, created, vanished;	/* highest */
	uint32_t before[CHUNK_NODES];	/* messages in the nodes before */
	struct node *node[CHUNK_NODES];
};

struct tree {
	atomic_uint refs;
	uint64_t generation;
	uint32_t mailbox, uid_validity, uid_next;
	uint64_t modseq;
	uint64_t floor;			/* tombstones up to it may be missing */
	struct keywords *keywords;
	struct tree_total total;
	unsigned count, room;
	struct chunk **chunk;
	uint32_t *before;		/* messages in the chunks before */
};

/* Where a node is; valid while the tree does not change. */
struct tree_at {
	unsigned chunk, node;
};

struct tree *
tree_new(uint32_t mailbox, uint32_t uid_validity, uint64_t generation);
/* Another reference to the same. */
struct tree *
tree_share(struct tree *tree);
/* Drops a reference. */
void
tree_free(struct tree **tree);

struct node *
node_new(uint32_t mailbox, uint32_t base, uint64_t generation,
	struct budget *budget);
struct node *
node_share(struct node *node);
void
node_free(struct node **node);
/* Gives the node this block, which is counted. */
void
node_set_block(struct node *node, struct block *block);
/* Adds a message to its block, which grows. */
void
node_append(struct node *node, const struct slot *slot);

/* ---- looking ---- */

struct node *
tree_node(const struct tree *tree, struct tree_at at);

/* The first node; the one after; the first that may hold a UID >= uid. */
bool
tree_first(const struct tree *tree, struct tree_at *at);
bool
tree_next(const struct tree *tree, struct tree_at *at);
bool
tree_seek(const struct tree *tree, uint32_t uid, struct tree_at *at);

/* Messages before the node. The tree is sealed. */
uint32_t
tree_before(const struct tree *tree, struct tree_at at);

/* The name's number, compared without case; -1 when it has none. */
int
keywords_find(const struct keywords *keywords, struct span name);
/* A copy with one name more, at this number. */
struct keywords *
keywords_with(const struct keywords *keywords, unsigned number,
	struct span name);
void
keywords_free(struct keywords **keywords);

/* ---- changing; generation is that of the change ---- */

/* Makes *tree one that may be changed. */
void
tree_edit(struct tree **tree, uint64_t generation);
/* Takes the node's reference over; it stands in for the one at `at`. */
void
tree_replace(struct tree *tree, struct tree_at at, struct node *node);
/* Takes it over, behind all others. */
void
tree_append(struct tree *tree, struct node *node);
/* *at is the next node's place afterwards. */
void
tree_remove(struct tree *tree, struct tree_at at);
void
tree_set_keywords(struct tree *tree, struct keywords *keywords);
/* Brings the sums up to date, before it is published. */
void
tree_seal(struct tree *tree);

#endif
