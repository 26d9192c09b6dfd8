/*
 * Changing flags, expunging, annotating: what changes messages where they are.
 * A set of a million is one record.
 */
#include "store/apply.h"
#include "store/mirror.h"
#include "store/op.h"

/* ---- flags ---- */

struct flags_op {
	struct op op;
	uint32_t mailbox;
	const struct number_set *uids;
	enum store_change change;
	const struct store_flags *flags;
	uint64_t unchanged_since;
	struct number_set *modified;	/* may be NULL */
	uint64_t modseq;		/* out */
};

/* Which messages will change; *modified receives those that must not. */
static bool
choose(struct group *group, struct flags_op *op, const struct tree *tree,
	uint64_t bits, struct op_set *chosen)
{
	struct walk walk;
	struct slot slot;
	walk_init(&walk, group->change.index, tree, op->uids);
	while (walk_next(&walk, &slot)) {
		bool is_newer = slot.modseq > op->unchanged_since;
		if (is_newer && op->modified != NULL)
			number_set_add(op->modified, slot.uid, slot.uid);
		op_set_see(chosen, slot.uid, !is_newer && apply_new_flags(
			op->change, slot.flags, bits) != slot.flags);
	}
	walk_fini(&walk);
	group->change.is_broken |= walk.is_broken;
	return !walk.is_broken;
}

static enum store_verdict
prepare_flags(struct op *base, struct group *group)
{
	struct flags_op *op = (struct flags_op *)base;
	const struct mailbox *mailbox = op_mailbox(group, op->mailbox);
	struct op_keywords keywords;
	struct op_set chosen;
	if (mailbox == NULL)
		return STORE_NO_MAILBOX;
	enum store_verdict verdict = op_keywords_find(mailbox, op->flags,
		op->change != STORE_REMOVE, &keywords);
	if (verdict != STORE_OK)
		return verdict;
	op_set_init(&chosen, op->uids);
	if (choose(group, op, mailbox->tree, keywords.bits, &chosen) &&
	    chosen.uids.count > 0) {
		struct record_flags record = { op->mailbox, op->change,
			keywords.bits, chosen.uids };
		struct buffer payload;
		buffer_init(&payload, 0);
		op_keywords_make(group, mailbox, &keywords);
		record_put_flags(&payload, &record);
		op->modseq = group_add(group, RECORD_FLAGS, LOG_FROM_RESERVE,
			&payload);
		buffer_fini(&payload);
		apply_flags(&group->change, &record, op->modseq);
	}
	op_set_fini(&chosen);
	return STORE_OK;
}

enum store_verdict
op_flags_change(const struct store_account *handle,
	const struct mirror_change *change, struct error *error)
{
	struct flags_op op = {
		.op = { .prepare = prepare_flags, .needs_index = true,
			.records = 1 + STORE_KEYWORD_LIMIT },
		.mailbox = change->mailbox, .uids = change->uids,
		.change = change->change, .flags = change->flags,
		.unchanged_since = change->unchanged_since,
		.modified = change->modified,
	};
	enum store_verdict verdict = commit_run(handle, &op.op, error);
	if (change->modseq != NULL)
		*change->modseq = verdict == STORE_OK ? op.modseq : 0;
	return verdict;
}

enum store_verdict
store_flags_change(struct store_account *handle, uint32_t mailbox,
	const struct number_set *uids, enum store_change change,
	const struct store_flags *flags, uint64_t unchanged_since,
	struct number_set *modified, uint64_t *modseq, struct error *error)
{
	const struct mirror_change all = { mailbox, uids, change, flags,
		unchanged_since, modified, modseq };
	if (!account_allows(handle))
		return STORE_DENIED;
	if (flags->keyword_count > STORE_KEYWORD_LIMIT)
		return STORE_TOO_MANY;
	return handle->account->mirror != NULL ?
		mirror_flags_change(handle, &all, error) :
		op_flags_change(handle, &all, error);
}

/* ---- expunge ---- */

struct expunge_op {
	struct op op;
	uint32_t mailbox;
	const struct number_set *uids;	/* NULL: all */
	bool only_deleted;
	struct number_set *expunged;	/* may be NULL */
};

static enum store_verdict
prepare_expunge(struct op *base, struct group *group)
{
	struct expunge_op *op = (struct expunge_op *)base;
	const struct mailbox *mailbox = op_mailbox(group, op->mailbox);
	struct op_set chosen;
	struct walk walk;
	struct slot slot;
	if (mailbox == NULL)
		return STORE_NO_MAILBOX;
	op_set_init(&chosen, op->uids);
	walk_init(&walk, group->change.index, mailbox->tree, op->uids);
	while (walk_next(&walk, &slot))
		op_set_see(&chosen, slot.uid, !op->only_deleted ||
			(slot.flags & STORE_DELETED) != 0);
	walk_fini(&walk);
	group->change.is_broken |= walk.is_broken;
	if (!walk.is_broken && chosen.uids.count > 0) {
		struct record_expunge record = { op->mailbox, chosen.uids };
		struct buffer payload;
		buffer_init(&payload, 0);
		record_put_expunge(&payload, &record);
		apply_expunge(&group->change, &record, group_add(group,
			RECORD_EXPUNGE, LOG_FROM_RESERVE, &payload),
			op->expunged);
		buffer_fini(&payload);
	}
	op_set_fini(&chosen);
	return STORE_OK;
}

enum store_verdict
op_expunge(const struct store_account *handle, uint32_t mailbox,
	const struct number_set *uids, bool only_deleted,
	struct number_set *expunged, struct error *error)
{
	struct expunge_op op = {
		.op = { .prepare = prepare_expunge, .needs_index = true },
		.mailbox = mailbox, .uids = uids,
		.only_deleted = only_deleted, .expunged = expunged,
	};
	return commit_run(handle, &op.op, error);
}

enum store_verdict
store_expunge(struct store_account *handle, uint32_t mailbox,
	const struct number_set *uids, bool only_deleted,
	struct number_set *expunged, struct error *error)
{
	if (!account_allows(handle))
		return STORE_DENIED;
	return handle->account->mirror != NULL ?
		mirror_expunge(handle, mailbox, uids, only_deleted, expunged,
		error) : op_expunge(handle, mailbox, uids, only_deleted,
		expunged, error);
}

/* ---- annotations ---- */

struct annotate_op {
	struct op op;
	struct record_annotation annotation;
};

static enum store_verdict
prepare_annotate(struct op *base, struct group *group)
{
	struct annotate_op *op = (struct annotate_op *)base;
	const struct record_annotation *annotation = &op->annotation;
	const struct mailbox *mailbox = op_mailbox(group, annotation->mailbox);
	struct slot slot;
	struct buffer payload;
	if (mailbox == NULL)
		return STORE_NO_MAILBOX;
	if (!walk_find(group->change.index, mailbox->tree, annotation->uid,
			&slot)) {
		group->change.is_broken |=
			atomic_load(&group->change.index->is_broken);
		return STORE_NO_MESSAGE;
	}
	buffer_init(&payload, 0);
	record_put_annotation(&payload, annotation);
	apply_annotation(&group->change, annotation, group_add(group,
		RECORD_ANNOTATION, 0, &payload));
	buffer_fini(&payload);
	return STORE_OK;
}

enum store_verdict
store_annotate(struct store_account *handle, uint32_t mailbox, uint32_t uid,
	struct span annotation, struct error *error)
{
	struct annotate_op op = {
		.op = { .prepare = prepare_annotate, .needs_index = true },
		.annotation = { mailbox, uid, annotation },
	};
	if (!account_allows(handle))
		return STORE_DENIED;
	if (annotation.size > STORE_ANNOTATION_LIMIT)
		return STORE_TOO_MANY;
	return commit_run(handle, &op.op, error);
}
