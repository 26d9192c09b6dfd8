/*
 * Walking over the messages of a tree. What is skipped costs nothing but a
 * look at the set or the tree.
 */
#include "store/walk.h"

void
walk_init(struct walk *walk, struct index *index, const struct tree *tree,
	const struct number_set *set)
{
	*walk = (struct walk){ .index = index, .tree = tree, .set = set,
		.next = 1 };
}

static void
leave_node(struct walk *walk)
{
	if (walk->node != NULL) {
		index_unpin(walk->index, walk->node);
		node_free(&walk->node);
	}
}

void
walk_fini(struct walk *walk)
{
	leave_node(walk);
}

/* Finds the node that may hold the next UID; false at the end. */
static bool
enter_node(struct walk *walk)
{
	uint32_t wanted;
	do {
		if (walk->next > UINT32_MAX)
			return false;
		wanted = (uint32_t)walk->next;
		if (walk->set != NULL &&
		    !number_set_next(walk->set, wanted, &wanted))
			return false;
		if (!tree_seek(walk->tree, wanted, &walk->at))
			return false;
		struct node *node = tree_node(walk->tree, walk->at);
		walk->next = wanted > node->base ? wanted : node->base;
		/* The seek may have passed over what the set wanted. */
	} while (walk->set != NULL && walk->next != wanted);
	struct node *node = tree_node(walk->tree, walk->at);
	if (node == walk->node)
		return true;
	leave_node(walk);
	if (index_pin(walk->index, node) == NULL) {
		walk->is_broken = true;
		return false;
	}
	walk->node = node_share(node);
	return true;
}

bool
walk_next(struct walk *walk, struct slot *slot)
{
	while (enter_node(walk)) {
		const struct node *node = walk->node;
		const struct block *block = node->block;
		unsigned at = block_find(block, node->base,
			(uint32_t)walk->next);
		at = block_next(block->there, at);
		if (at >= block->count) {
			walk->next = (uint64_t)node->base + BLOCK_SLOTS;
			continue;
		}
		uint32_t uid = node->base + block->uid[at];
		walk->next = uid;
		if (walk->set != NULL && !number_set_contains(walk->set, uid))
			continue;
		*slot = block_get(block, node->base, at);
		walk->next = (uint64_t)uid + 1;
		return true;
	}
	return false;
}

bool
walk_find(struct index *index, const struct tree *tree, uint32_t uid,
	struct slot *slot)
{
	struct tree_at at;
	unsigned place;
	if (!tree_seek(tree, uid, &at))
		return false;
	struct node *node = tree_node(tree, at);
	const struct block *block = index_pin(index, node);
	if (block == NULL)
		return false;
	bool is_there = block_find_there(block, node->base, uid, &place);
	if (is_there)
		*slot = block_get(block, node->base, place);
	index_unpin(index, node);
	return is_there;
}
