/*
 * The space of a log (doc/formats/records.md, "Space"): removing segments and
 * body objects in which nothing lives, after a whole state has made their
 * records unnecessary. Run by the background thread, as an operation.
 */
#include "base/log.h"
#include "base/memory.h"
#include "store/compact.h"
#include "store/head.h"
#include "store/op.h"
#include "store/store_inner.h"

enum {
	DEAD_LEAST = 64 << 10,		/* bytes worth a whole state */
	ACTIVE_LEAST = 1 << 20,		/* of the segment being written */
	MESSAGE_COST = 64,		/* bytes of a message in a whole state */
	MAILBOX_COST = 200,
	PACK_SIZE = 256 << 10,		/* bytes of one record */
	PART_SIZE = 2 << 20,		/* held in memory */
};

struct space_op {
	struct op op;
	bool is_forced;
	bool wrote_state;		/* out: now more can be removed */
	struct space_facts *facts;	/* out; may be NULL */
};

/* ---- what is dead ---- */

static bool
is_dead(struct index *index, uint64_t segment)
{
	const struct index_object *object = index_object_find(index, segment,
		0);
	return object == NULL || object->placements == 0;
}

static void
forget_object(struct index *index, uint64_t segment, uint64_t number)
{
	uint64_t key[2] = { segment, number };
	memory_free(map_take(&index->objects, span_of(key, sizeof(key))));
}

static void
remove_bodies(struct account *account, struct index *index)
{
	uint64_t *numbers = memory_new_array(map_count(&index->objects) + 1,
		sizeof(*numbers));
	size_t count = 0, cursor = 0;
	struct span key;
	void *value;
	while (map_next(&index->objects, &cursor, &key, &value)) {
		const struct index_object *object = value;
		if (object->segment == 0 && object->placements == 0)
			numbers[count++] = object->number;
	}
	for (size_t i = 0; i < count; i++) {
		struct error ignored;	/* the sweep takes what is left */
		log_body_remove(account->log, (struct log_position){ LOG_BODY,
			numbers[i] }, &ignored);
		forget_object(index, 0, numbers[i]);
	}
	memory_free(numbers);
}

static bool
is_body_alive(void *context, uint64_t number)
{
	const struct index_object *object = index_object_find(context, 0,
		number);
	return object != NULL && object->placements > 0;
}

static uint64_t
cost_of_state(const struct account *account)
{
	uint64_t cost = 0;
	for (size_t i = 0; i < account->mailbox_count; i++) {
		const struct tree *tree = account->mailbox[i]->tree;
		cost += MAILBOX_COST;
		if (tree != NULL)
			cost += (uint64_t)tree->total.there * MESSAGE_COST;
	}
	/* Annotations are only known when one has been written. */
	return cost > account->state_size ? cost : account->state_size;
}

static void
note_segment(struct space_facts *facts, struct index *index,
	const struct log_segment *segment)
{
	const struct index_object *object = index_object_find(index,
		segment->number, 0);
	facts->segment[facts->count++] = (struct space_segment){
		.number = segment->number, .size = segment->size,
		.placements = object == NULL ? 0 : object->placements,
		.bytes = object == NULL ? 0 : object->bytes,
	};
}

static void
begin_facts(struct space_facts *facts, const struct account *account,
	const struct log_segment *segments, size_t count)
{
	memory_free(facts->segment);
	*facts = (struct space_facts){
		.segment = memory_new_array(count, sizeof(*facts->segment)),
		.newest = count == 0 ? 0 : segments[count - 1].number,
		.state_cost = cost_of_state(account),
	};
}

/* Removes what can be removed at once; the bytes of what needs a whole state
 * first, the segment being written included when it is worth it. */
static uint64_t
remove_segments(struct account *account, struct index *index,
	struct space_facts *facts)
{
	struct log_segment *segments;
	struct error error;
	size_t count = log_segments(account->log, &segments);
	uint64_t waiting = 0, active = account->store->segment_size / 4;
	if (active > ACTIVE_LEAST)
		active = ACTIVE_LEAST;
	if (facts != NULL)
		begin_facts(facts, account, segments, count);
	for (size_t i = 0; i < count; i++) {
		const struct log_segment *segment = &segments[i];
		bool dead = is_dead(index, segment->number);
		if (dead && i + 1 < count && log_segment_remove(account->log,
				segment->number, &error) == 0) {
			forget_object(index, segment->number, 0);
			continue;
		}
		if (dead && (i + 1 < count || segment->size >= active))
			waiting += segment->size;
		if (facts != NULL && i + 1 < count)
			note_segment(facts, index, segment);
	}
	memory_free(segments);
	return waiting;
}

/* ---- a whole state ---- */

static void
add_begin(struct group *group)
{
	struct account *account = group->account;
	struct buffer payload;
	buffer_init(&payload, 0);
	head_encode_base(account, &payload);
	group->base_at = group->written + group->count;
	group->base_size = payload.size;
	codec_add_varint(&payload, account->working.next_mailbox);
	codec_add_varint(&payload, account->working.uid_validity);
	group_add(group, RECORD_STATE_BEGIN, 0, &payload);
	buffer_fini(&payload);
}

static void
add_mailbox(struct group *group, const struct tree *tree)
{
	struct buffer payload;
	unsigned count = tree->keywords == NULL ? 0 : tree->keywords->count;
	buffer_init(&payload, 0);
	codec_add_varint(&payload, tree->mailbox);
	codec_add_varint(&payload, tree->uid_validity);
	codec_add_varint(&payload, tree->uid_next);
	codec_add_varint(&payload, tree->modseq);
	codec_add_varint(&payload, count);
	for (unsigned i = 0; i < count; i++) {
		codec_add_varint(&payload, i);
		codec_add_bytes(&payload, tree->keywords->name[i]);
	}
	group_add(group, RECORD_STATE_MAILBOX, 0, &payload);
	buffer_fini(&payload);
}

/* Things of one mailbox, several to a record. */
struct pack {
	struct group *group;
	enum record_kind kind;
	uint32_t mailbox;
	struct buffer content;
	size_t count;
};

static uint64_t
part_size(const struct group *group)
{
	uint64_t some = group->account->store->segment_size / 8;
	return some < PART_SIZE ? some : PART_SIZE;
}

static void
pack_end(struct pack *pack)
{
	struct buffer payload;
	buffer_init(&payload, 0);
	codec_add_varint(&payload, pack->mailbox);
	codec_add_varint(&payload, pack->count);
	buffer_add(&payload, buffer_span(&pack->content));
	if (pack->count > 0)
		group_add(pack->group, pack->kind, 0, &payload);
	buffer_fini(&payload);
	if (pack->group->arena.used >= part_size(pack->group) &&
	    !pack->group->is_refused)
		group_write_part(pack->group);
	buffer_clear(&pack->content);
	pack->count = 0;
}

static void
pack_next(struct pack *pack)
{
	pack->count++;
	if (pack->content.size >= PACK_SIZE)
		pack_end(pack);
}

static bool
add_blocks(struct group *group, const struct tree *tree)
{
	struct index *index = group->change.index;
	struct pack pack = { .group = group, .kind = RECORD_STATE_BLOCKS,
		.mailbox = tree->mailbox };
	struct buffer bytes;
	struct tree_at at;
	bool is_right = true;
	buffer_init(&bytes, 0);
	for (bool more = tree_first(tree, &at); more && is_right &&
	    !group->is_refused; more = tree_next(tree, &at)) {
		struct node *node = tree_node(tree, at);
		struct summary summary = node->summary;
		if (summary.there == 0)
			continue;
		const struct block *block = index_pin(index, node);
		is_right = block != NULL;
		if (!is_right)
			break;
		struct block *copy = block_copy(block);
		index_unpin(index, node);
		block_drop_tombstones(copy, &summary, node->base);
		buffer_clear(&bytes);
		block_encode(copy, &bytes);
		block_free(&copy);
		buffer_add_u32(&pack.content, node->base);
		codec_add_bytes(&pack.content, buffer_span(&bytes));
		pack_next(&pack);
	}
	pack_end(&pack);
	buffer_fini(&pack.content);
	buffer_fini(&bytes);
	return is_right;
}

static int
add_annotation(void *context, uint64_t id, struct span value,
	struct error *error)
{
	struct pack *pack = context;
	(void)error;
	codec_add_varint(&pack->content, (uint32_t)id);
	codec_add_bytes(&pack->content, value);
	pack_next(pack);
	return 0;
}

static int
add_annotations(struct group *group, const struct tree *tree,
	struct error *error)
{
	struct index *index = group->change.index;
	struct pack pack = { .group = group,
		.kind = RECORD_STATE_ANNOTATIONS, .mailbox = tree->mailbox };
	struct tree_at at;
	int result = 0;
	for (bool more = tree_first(tree, &at); more && result == 0 &&
	    !group->is_refused; more = tree_next(tree, &at)) {
		const struct node *node = tree_node(tree, at);
		struct index_range range = {
			index_annotation_id(tree->mailbox, node->base),
			index_annotation_id(tree->mailbox,
				node->base + BLOCK_SLOTS - 1) };
		if (node->summary.there == 0)
			continue;
		pthread_mutex_lock(&index->db_lock);
		result = index_db_each(index->db, INDEX_ANNOTATION, range,
			add_annotation, &pack, error);
		pthread_mutex_unlock(&index->db_lock);
	}
	pack_end(&pack);
	buffer_fini(&pack.content);
	return result;
}

/* Everything is in the index's file, annotations too. False: it is broken, or
 * the group is refused. */
static bool
add_state(struct group *group)
{
	struct account *account = group->account;
	struct index *index = group->change.index;
	struct error error;
	struct buffer empty;
	add_begin(group);
	for (size_t i = 0; i < account->mailbox_count; i++) {
		const struct tree *tree = account->mailbox[i]->tree;
		if (tree == NULL)
			continue;
		add_mailbox(group, tree);
		if (!add_blocks(group, tree))
			return false;
		if (add_annotations(group, tree, &error) < 0) {
			index_break(index, &error);
			return false;
		}
	}
	account->state_size = group->bytes;
	buffer_init(&empty, 0);
	group_add(group, RECORD_STATE_END, LOG_STATE_END, &empty);
	group->is_state = true;
	return group->written + group->count < LOG_GROUP_LIMIT &&
		!group->is_refused;
}

static enum store_verdict
prepare(struct op *base, struct group *group)
{
	struct space_op *op = (struct space_op *)base;
	struct account *account = group->account;
	struct index *index = group->change.index;
	if (!account->is_swept) {
		account->is_swept = true;
		log_bodies_sweep(account->log, is_body_alive, index,
			base->error);
	}
	remove_bodies(account, index);
	uint64_t waiting = remove_segments(account, index, op->facts);
	bool pays = op->is_forced ? waiting > 0 : waiting >= DEAD_LEAST &&
		waiting >= 2 * cost_of_state(account);
	if (!pays || index_flush(index, base->error) < 0)
		return STORE_OK;
	log_seal(account->log);
	group->change.is_broken = !add_state(group) && !group->is_refused;
	op->wrote_state = true;
	return STORE_OK;
}

void
op_look_at_space(struct account *account, bool is_forced,
	struct space_facts *facts)
{
	struct store_account handle = { .account = account };
	struct error error;
	for (int round = 0; round < 2; round++) {
		struct space_op op = { .op = { .prepare = prepare,
			.needs_index = true, .is_alone = true },
			.is_forced = is_forced && round == 0, .facts = facts };
		if (commit_run(&handle, &op.op, &error) != STORE_OK ||
		    !op.wrote_state)
			return;
	}
}

void
op_see_to_space(struct account *account)
{
	struct space_facts facts = { .count = 0 };
	op_look_at_space(account, false, &facts);
	compact_consider(account, &facts);
	memory_free(facts.segment);
}
