/*
 * The log's side of mail in files of other programs: records of what is found
 * there (doc/formats/mirror.md). Nothing here looks at a file.
 */
#include "store/op_follow.h"

#include "store/apply.h"
#include "store/head.h"

/* ---- messages ---- */

struct follow_op {
	struct op op;
	const struct follow *follow;
	uint64_t bit[STORE_KEYWORD_LIMIT];	/* ours for the format's */
};

static void
set_numbers(struct group *group, const struct mailbox *mailbox,
	uint32_t uid_validity, uint32_t uid_next)
{
	const struct mailbox_facts *facts = &mailbox->working;
	struct buffer payload;
	struct record_entry entry = {
		.id = mailbox->id,
		.what = facts->is_subscribed ? RECORD_SUBSCRIBED : 0,
		.uid_validity = uid_validity,
		.uid_next = uid_next,
		.modseq = group_next_modseq(group),
		.use = facts->use,
		.name = arena_copy(&group->arena, facts->name),
	};
	buffer_init(&payload, 0);
	codec_add_varint(&payload, 1);
	record_put_entry(&payload, &entry);
	apply_entry(&group->change, &entry, group_add(group, RECORD_MAILBOXES,
		0, &payload));
	buffer_fini(&payload);
}

/* A mailbox that has never had a message gets the UIDVALIDITY that others
 * gave. */
static void
take_over(struct group *group, const struct mailbox *mailbox,
	const struct follow *follow)
{
	const struct mailbox_facts *facts = &mailbox->working;
	if (follow->uid_validity != 0 && facts->uid_next <= 1 &&
	    facts->uid_validity != follow->uid_validity)
		set_numbers(group, mailbox, follow->uid_validity,
			facts->uid_next);
}

/* Numbers for those keywords that a message has; one too many is left out. */
static void
learn_keywords(struct group *group, const struct mailbox *mailbox,
	struct follow_op *op)
{
	const struct follow *follow = op->follow;
	uint64_t used = 0;
	for (size_t i = 0; i < follow->changed_count; i++)
		used |= follow->changed[i].flags;
	for (size_t i = 0; i < follow->found_count; i++)
		used |= follow->found[i].entry->flags;
	used >>= FORMAT_KEYWORD_SHIFT;
	for (size_t i = 0; i < follow->keyword_count &&
	    i < STORE_KEYWORD_LIMIT; i++) {
		struct store_flags one = { 0, &follow->keyword[i], 1 };
		struct op_keywords keywords;
		if ((used >> i & 1) == 0 || op_keywords_find(mailbox, &one,
				true, &keywords) != STORE_OK)
			continue;
		op_keywords_make(group, mailbox, &keywords);
		op->bit[i] = keywords.bits;
	}
}

static uint64_t
translate(const struct follow_op *op, uint64_t flags)
{
	uint64_t bits = flags & OP_SYSTEM_FLAGS;
	flags >>= FORMAT_KEYWORD_SHIFT;
	for (; flags != 0; flags &= flags - 1)
		bits |= op->bit[__builtin_ctzll(flags)];
	return bits;
}

static void
remove_gone(struct group *group, const struct follow *follow)
{
	struct buffer payload;
	if (follow->gone == NULL || follow->gone->count == 0)
		return;
	struct record_expunge record = { follow->mailbox, *follow->gone };
	buffer_init(&payload, 0);
	record_put_expunge(&payload, &record);
	apply_expunge(&group->change, &record, group_add(group, RECORD_EXPUNGE,
		LOG_FROM_RESERVE, &payload), NULL);
	buffer_fini(&payload);
}

/* One record for all that have the same flags now. */
static void
change_flags(struct group *group, const struct follow_op *op)
{
	const struct follow *follow = op->follow;
	for (size_t i = 0, next; i < follow->changed_count; i = next) {
		struct record_flags record = { follow->mailbox, STORE_REPLACE,
			translate(op, follow->changed[i].flags), { 0 } };
		struct buffer payload;
		number_set_init(&record.uids);
		for (next = i; next < follow->changed_count &&
		    follow->changed[next].flags == follow->changed[i].flags;
		    next++)
			number_set_add(&record.uids, follow->changed[next].uid,
				follow->changed[next].uid);
		buffer_init(&payload, 0);
		record_put_flags(&payload, &record);
		apply_flags(&group->change, &record, group_add(group,
			RECORD_FLAGS, LOG_FROM_RESERVE, &payload));
		buffer_fini(&payload);
		number_set_fini(&record.uids);
	}
}

static void
place(struct group *group, const struct follow_op *op,
	const struct follow_found *found)
{
	const struct format_entry *entry = found->entry;
	struct buffer payload;
	struct record_found record = {
		.mailbox = op->follow->mailbox, .uid = found->uid,
		.email = found->email, .size = entry->size,
		.flags = translate(op, entry->flags), .date = entry->date,
		.zone = entry->zone, .saved = group->change.second,
		.key = entry->key,
	};
	buffer_init(&payload, 0);
	record_put_found(&payload, &record);
	apply_found(&group->change, &record, group_add(group, RECORD_FOUND, 0,
		&payload));
	buffer_fini(&payload);
}

static enum store_verdict
prepare_follow(struct op *base, struct group *group)
{
	struct follow_op *op = (struct follow_op *)base;
	const struct follow *follow = op->follow;
	const struct mailbox *mailbox = op_mailbox(group, follow->mailbox);
	if (mailbox == NULL)
		return STORE_NO_MAILBOX;
	take_over(group, mailbox, follow);
	if (mailbox->working.uid_next > UINT32_MAX - 1 - follow->found_count)
		return STORE_TOO_MANY;
	learn_keywords(group, mailbox, op);
	remove_gone(group, follow);
	change_flags(group, op);
	for (size_t i = 0; i < follow->found_count; i++)
		place(group, op, &follow->found[i]);
	/* UIDs that others gave to messages that are gone. */
	if (follow->uid_next > mailbox->working.uid_next)
		set_numbers(group, mailbox, mailbox->working.uid_validity,
			follow->uid_next);
	return STORE_OK;
}

enum store_verdict
op_follow(struct account *account, const struct follow *follow,
	struct error *error)
{
	struct store_account handle = { .account = account };
	struct follow_op op = {
		.op = { .prepare = prepare_follow, .needs_index = true,
			.records = (unsigned)(3 + STORE_KEYWORD_LIMIT +
			follow->changed_count + follow->found_count) },
		.follow = follow,
	};
	return commit_run(&handle, &op.op, error);
}

/* ---- transactions ---- */

struct delivered_op {
	struct op op;
	uint32_t mailbox;
	struct span transaction;
};

static enum store_verdict
prepare_delivered(struct op *base, struct group *group)
{
	struct delivered_op *op = (struct delivered_op *)base;
	struct record_delivered record = { op->mailbox, group->change.second,
		op->transaction };
	struct buffer payload;
	buffer_init(&payload, 0);
	record_put_delivered(&payload, &record);
	group_add(group, RECORD_DELIVERED, 0, &payload);
	apply_delivered(&group->change, &record);
	buffer_fini(&payload);
	return STORE_OK;
}

enum store_verdict
op_delivered(const struct store_account *handle, uint32_t mailbox,
	const uint8_t *transaction, struct error *error)
{
	struct delivered_op op = { .op.prepare = prepare_delivered,
		.mailbox = mailbox, .transaction = span_of(transaction,
		STORE_TRANSACTION_SIZE) };
	return commit_run(handle, &op.op, error);
}

static enum store_verdict
prepare_question(struct op *base, struct group *group)
{
	struct delivered_op *op = (struct delivered_op *)base;
	if (op_mailbox(group, op->mailbox) == NULL)
		return STORE_NO_MAILBOX;
	return head_transaction_is_known(group->account,
		head_transaction_key(op->transaction, op->mailbox),
		group->change.second) ? STORE_DUPLICATE : STORE_OK;
}

enum store_verdict
op_is_delivered(const struct store_account *handle, uint32_t mailbox,
	const uint8_t *transaction, struct error *error)
{
	struct delivered_op op = { .op = { .prepare = prepare_question,
		.is_question = true }, .mailbox = mailbox, .transaction = span_of(transaction,
		STORE_TRANSACTION_SIZE) };
	return commit_run(handle, &op.op, error);
}
