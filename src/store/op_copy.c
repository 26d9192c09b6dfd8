/*
 * Copying and moving: new placements of the same emails, no second body. One
 * record, whatever the number of messages.
 */
#include "store/apply.h"
#include "store/mirror.h"
#include "store/op.h"

struct copy_op {
	struct op op;
	uint32_t from, to;
	const struct number_set *uids;	/* NULL: all */
	bool is_move;
	struct number_set *from_uids, *to_uids;	/* out; may be NULL */
};

/* What there is to be copied. */
struct haul {
	struct op_set set;
	uint64_t count, size, flags;
};

static bool
look(struct group *group, const struct copy_op *op,
	const struct tree *source, struct haul *haul)
{
	struct walk walk;
	struct slot slot;
	walk_init(&walk, group->change.index, source, op->uids);
	while (walk_next(&walk, &slot)) {
		op_set_see(&haul->set, slot.uid, true);
		haul->count++;
		haul->size += slot.size;
		haul->flags |= slot.flags;
		if (op->from_uids != NULL)
			number_set_add(op->from_uids, slot.uid, slot.uid);
	}
	walk_fini(&walk);
	group->change.is_broken |= walk.is_broken;
	return !walk.is_broken;
}

/* Keywords that the copies have and the other mailbox lacks, as many as fit. */
static void
carry_keywords(struct group *group, const struct mailbox *from,
	const struct mailbox *to, uint64_t flags)
{
	const struct keywords *names = from->tree->keywords;
	unsigned count = names == NULL || from == to ? 0 : names->count;
	for (unsigned i = 0; i < count; i++) {
		struct store_flags one = { 0, &names->name[i], 1 };
		struct op_keywords keywords;
		if ((flags >> (STORE_KEYWORD_SHIFT + i) & 1) != 0 &&
		    op_keywords_find(to, &one, true, &keywords) == STORE_OK)
			op_keywords_make(group, to, &keywords);
	}
}

static enum store_verdict
check(const struct group *group, const struct copy_op *op,
	const struct mailbox *to, const struct haul *haul)
{
	struct account *account = group->account;
	pthread_mutex_lock(&account->lock);
	uint64_t limit = account->quota_limit;
	pthread_mutex_unlock(&account->lock);
	if (to->working.uid_next + haul->count > UINT32_MAX - 1)
		return STORE_TOO_MANY;
	return !op->is_move && limit != 0 && (haul->size > limit ||
		account->working.bytes > limit - haul->size) ?
		STORE_OVER_QUOTA : STORE_OK;
}

static void
emit(struct group *group, const struct copy_op *op,
	const struct mailbox *to, const struct haul *haul)
{
	struct record_copy record = {
		.from = op->from, .to = op->to, .is_move = op->is_move,
		.first = to->working.uid_next,
		.saved = group->change.second,
		.uids = haul->set.uids,
	};
	struct buffer payload;
	buffer_init(&payload, 0);
	record_put_copy(&payload, &record);
	apply_copy(&group->change, &record, group_add(group, RECORD_COPY, 0,
		&payload));
	buffer_fini(&payload);
	if (op->to_uids != NULL)
		number_set_add(op->to_uids, record.first,
			record.first + (uint32_t)haul->count - 1);
}

static enum store_verdict
prepare(struct op *base, struct group *group)
{
	struct copy_op *op = (struct copy_op *)base;
	const struct mailbox *from = op_mailbox(group, op->from);
	const struct mailbox *to = op_mailbox(group, op->to);
	struct haul haul = { .count = 0 };
	enum store_verdict verdict = STORE_OK;
	if (from == NULL || to == NULL)
		return STORE_NO_MAILBOX;
	op_set_init(&haul.set, op->uids);
	if (look(group, op, from->tree, &haul) && haul.count > 0) {
		verdict = check(group, op, to, &haul);
		if (verdict == STORE_OK) {
			carry_keywords(group, from, to, haul.flags);
			emit(group, op, to, &haul);
		}
	}
	op_set_fini(&haul.set);
	if (verdict != STORE_OK && op->from_uids != NULL)
		op->from_uids->count = 0;
	return verdict;
}

enum store_verdict
store_copy(struct store_account *handle, uint32_t from_mailbox,
	const struct number_set *uids, uint32_t to_mailbox, bool move,
	struct number_set *from, struct number_set *to, struct error *error)
{
	struct copy_op op = {
		.op = { .prepare = prepare, .needs_index = true,
			.records = 1 + STORE_KEYWORD_LIMIT },
		.from = from_mailbox, .to = to_mailbox, .uids = uids,
		.is_move = move, .from_uids = from, .to_uids = to,
	};
	const struct mirror_copy files = { from_mailbox, to_mailbox, uids, move,
		from, to };
	if (!account_allows(handle))
		return STORE_DENIED;
	if (handle->account->mirror != NULL)
		return mirror_copy(handle, &files, error);
	return commit_run(handle, &op.op, error);
}

bool
op_move_all(struct group *group, struct mailbox *from, struct mailbox *to)
{
	struct copy_op op = { .from = from->id, .to = to->id,
		.is_move = true };
	return prepare(&op.op, group) == STORE_OK && !group->change.is_broken;
}
