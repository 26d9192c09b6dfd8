/*
 * Making, deleting, renaming and subscribing mailboxes (RFC 9051 6.3.4 to
 * 6.3.8). Subscriptions are names: one outlives the mailbox that had it.
 */
#include "store/apply.h"
#include "store/mirror.h"
#include "store/name.h"
#include "store/op_follow.h"
#include "store/store_inner.h"

struct mailbox_op {
	struct op op;
	struct span name, to;		/* in form; to: rename only */
	unsigned use;
	bool subscribed;
	uint32_t id;			/* out */
};

/* ---- records ---- */

/* Entries of one record, which is added when all are known. */
struct batch {
	struct group *group;
	struct buffer entries;
	size_t count;
};

static void
batch_init(struct batch *batch, struct group *group)
{
	*batch = (struct batch){ .group = group };
	buffer_init(&batch->entries, 0);
}

static void
batch_add(struct batch *batch, const struct record_entry *entry)
{
	record_put_entry(&batch->entries, entry);
	apply_entry(&batch->group->change, entry,
		group_next_modseq(batch->group));
	batch->count++;
}

static void
batch_fini(struct batch *batch)
{
	struct buffer payload;
	buffer_init(&payload, 0);
	codec_add_varint(&payload, batch->count);
	buffer_add(&payload, buffer_span(&batch->entries));
	if (batch->count > 0)
		group_add(batch->group, RECORD_MAILBOXES, 0, &payload);
	buffer_fini(&payload);
	buffer_fini(&batch->entries);
}

static void
add_entry(struct group *group, const struct record_entry *entry)
{
	struct batch batch;
	batch_init(&batch, group);
	batch_add(&batch, entry);
	batch_fini(&batch);
}

static struct record_entry
entry_of(const struct mailbox *mailbox)
{
	const struct mailbox_facts *facts = &mailbox->working;
	return (struct record_entry){
		.id = mailbox->id,
		.what = (facts->is_subscribed ? RECORD_SUBSCRIBED : 0) |
			(facts->is_name_only ? RECORD_NAME_ONLY : 0),
		.uid_validity = facts->uid_validity,
		.uid_next = facts->uid_next,
		.modseq = facts->modseq,
		.use = facts->use,
		.name = facts->name,
	};
}

/* A subscription without a mailbox. */
static struct record_entry
entry_of_name(const struct group *group, struct span name)
{
	return (struct record_entry){
		.id = group->account->working.next_mailbox,
		.what = RECORD_SUBSCRIBED | RECORD_NAME_ONLY,
		.name = name,
	};
}

static void
add_name(struct group *group, struct span name)
{
	struct record_entry entry = entry_of_name(group, name);
	add_entry(group, &entry);
}

static void
remove_entries(struct group *group, const uint32_t *ids, size_t count)
{
	struct buffer payload;
	if (count == 0)
		return;
	buffer_init(&payload, 0);
	codec_add_varint(&payload, count);
	for (size_t i = 0; i < count; i++)
		codec_add_varint(&payload, ids[i]);
	group_add(group, RECORD_MAILBOX_GONE, LOG_FROM_RESERVE, &payload);
	buffer_fini(&payload);
	for (size_t i = 0; i < count; i++)
		apply_mailbox_gone(&group->change, ids[i]);
}

/* ---- looking ---- */

static bool
is_real(const struct mailbox *mailbox)
{
	return mailbox != NULL && !mailbox->working.is_name_only;
}

static bool
has_children(const struct account *account, struct span name)
{
	for (size_t i = 0; i < account->mailbox_count; i++) {
		const struct mailbox *mailbox = account->mailbox[i];
		if (mailbox->working.is_there && is_real(mailbox) &&
		    name_is_below(mailbox->working.name, name))
			return true;
	}
	return false;
}

/* How many mailboxes have to be made for this name, itself included. */
static size_t
count_missing(const struct account *account, struct span name)
{
	size_t missing = 0;
	for (; name.size > 0; name = name_parent(name))
		missing += !is_real(account_mailbox_named(account, name));
	return missing;
}

static bool
has_room(const struct account *account, size_t more)
{
	return account->mailbox_count + more <= STORE_MAILBOX_LIMIT &&
		account->working.uid_validity < UINT32_MAX - more &&
		account->working.next_mailbox < INT32_MAX - more;
}

/* ---- create ---- */

/*
 * Never the same twice for a name (RFC 9051 2.3.1.1), also when the whole
 * account is deleted and made again: the time of day, or the next number where
 * that is not larger.
 */
static uint32_t
next_uid_validity(const struct account *account)
{
	uint32_t next = account->working.uid_validity + 1;
	int64_t now = account->store->wall_clock() / 1000;
	return now > next && now < INT32_MAX ? (uint32_t)now : next;
}

struct mailbox *
op_make_mailbox(struct group *group, struct span name, unsigned use,
	bool subscribed)
{
	struct account *account = group->account;
	struct mailbox *old = account_mailbox_named(account, name);
	struct record_entry entry = {
		.id = account->working.next_mailbox,
		.uid_validity = next_uid_validity(account),
		.uid_next = 1,
		.use = use,
		.name = name,
		.what = subscribed || old != NULL ? RECORD_SUBSCRIBED : 0,
	};
	if (old != NULL)	/* a name that becomes a mailbox */
		entry.id = old->id;
	entry.modseq = group_next_modseq(group);
	add_entry(group, &entry);
	return account_mailbox(account, entry.id);
}

static void
make_parents(struct group *group, struct span name)
{
	for (size_t at = 0; at < name.size; at++) {
		struct span parent = span_first(name, at);
		if (name.data[at] == '/' && !is_real(account_mailbox_named(
				group->account, parent)))
			op_make_mailbox(group, parent, 0, false);
	}
}

static enum store_verdict
prepare_create(struct op *base, struct group *group)
{
	struct mailbox_op *op = (struct mailbox_op *)base;
	struct account *account = group->account;
	if (is_real(account_mailbox_named(account, op->name)))
		return STORE_EXISTS;
	if (!has_room(account, count_missing(account, op->name)))
		return STORE_TOO_MANY;
	make_parents(group, op->name);
	op->id = op_make_mailbox(group, op->name, op->use, false)->id;
	return STORE_OK;
}

/* ---- delete ---- */

static enum store_verdict
prepare_delete(struct op *base, struct group *group)
{
	struct mailbox_op *op = (struct mailbox_op *)base;
	const struct mailbox *mailbox = account_mailbox_named(group->account,
		op->name);
	if (name_is_inbox(op->name))
		return STORE_DENIED;
	if (!is_real(mailbox))
		return has_children(group->account, op->name) ?
			STORE_HAS_CHILDREN : STORE_NO_MAILBOX;
	bool is_subscribed = mailbox->working.is_subscribed;
	remove_entries(group, &mailbox->id, 1);
	if (is_subscribed)	/* RFC 9051 6.3.8 */
		add_name(group, op->name);
	return STORE_OK;
}

/* ---- rename ---- */

/* The name of something at or below `from` when `from` is `to`. */
static struct span
moved_name(struct group *group, const struct mailbox_op *op,
	struct span name)
{
	struct span tail = span_skip(name, op->name.size);
	return arena_print(&group->arena, "%.*s%.*s", SPAN_PRINT(op->to),
		SPAN_PRINT(tail));
}

static bool
moves_along(const struct mailbox_op *op, const struct mailbox *mailbox)
{
	struct span name = mailbox->working.name;
	return mailbox->working.is_there && is_real(mailbox) &&
		(span_equals(name, op->name) || name_is_below(name, op->name));
}

static enum store_verdict
check_moved(struct group *group, const struct mailbox_op *op)
{
	struct account *account = group->account;
	size_t stay = 0;	/* names that are subscribed */
	for (size_t i = 0; i < account->mailbox_count; i++) {
		const struct mailbox *mailbox = account->mailbox[i];
		if (!moves_along(op, mailbox))
			continue;
		struct span name = moved_name(group, op,
			mailbox->working.name);
		if (name.size > STORE_NAME_LIMIT)
			return STORE_BAD_NAME;
		if (is_real(account_mailbox_named(account, name)))
			return STORE_EXISTS;
		stay += mailbox->working.is_subscribed;
	}
	return has_room(account, stay + count_missing(account, op->to)) ?
		STORE_OK : STORE_TOO_MANY;
}

static enum store_verdict
check_rename(struct group *group, const struct mailbox_op *op)
{
	struct account *account = group->account;
	if (span_equals(op->to, op->name) ||
	    is_real(account_mailbox_named(account, op->to)))
		return STORE_EXISTS;
	if (name_is_inbox(op->name))
		return has_room(account, count_missing(account, op->to)) ?
			STORE_OK : STORE_TOO_MANY;
	if (name_is_below(op->to, op->name))
		return STORE_BAD_NAME;
	if (!is_real(account_mailbox_named(account, op->name)) &&
	    !has_children(account, op->name))
		return STORE_NO_MAILBOX;
	return check_moved(group, op);
}

struct moved {
	uint32_t id;
	struct span from, to;		/* in the group's arena */
	bool was_subscribed, is_subscribed;
};

/* Everything that moves, and the bare names that stand where it goes. */
static size_t
find_moved(struct group *group, const struct mailbox_op *op,
	struct moved *moved, uint32_t *in_the_way, size_t *in_the_way_count)
{
	struct account *account = group->account;
	size_t count = 0;
	for (size_t i = 0; i < account->mailbox_count; i++) {
		const struct mailbox *mailbox = account->mailbox[i];
		if (!moves_along(op, mailbox))
			continue;
		struct moved *one = &moved[count++];
		one->id = mailbox->id;
		one->from = arena_copy(&group->arena, mailbox->working.name);
		one->to = moved_name(group, op, one->from);
		one->was_subscribed = mailbox->working.is_subscribed;
		const struct mailbox *there = account_mailbox_named(account,
			one->to);
		one->is_subscribed = there != NULL;
		if (there != NULL)
			in_the_way[(*in_the_way_count)++] = there->id;
	}
	return count;
}

static void
move_names(struct group *group, const struct mailbox_op *op)
{
	struct account *account = group->account;
	size_t removed = 0;
	struct moved *moved = arena_new_array(&group->arena,
		account->mailbox_count, sizeof(*moved));
	uint32_t *in_the_way = arena_new_array(&group->arena,
		account->mailbox_count, sizeof(*in_the_way));
	size_t count = find_moved(group, op, moved, in_the_way, &removed);
	struct batch batch;
	remove_entries(group, in_the_way, removed);
	batch_init(&batch, group);
	for (size_t i = 0; i < count; i++) {
		struct record_entry entry = entry_of(account_mailbox(account,
			moved[i].id));
		entry.name = moved[i].to;
		entry.what = moved[i].is_subscribed ? RECORD_SUBSCRIBED : 0;
		batch_add(&batch, &entry);
	}
	for (size_t i = 0; i < count; i++) {
		if (!moved[i].was_subscribed)
			continue;
		struct record_entry entry = entry_of_name(group,
			moved[i].from);
		batch_add(&batch, &entry);
	}
	batch_fini(&batch);
}

static enum store_verdict
prepare_rename(struct op *base, struct group *group)
{
	struct mailbox_op *op = (struct mailbox_op *)base;
	enum store_verdict verdict = check_rename(group, op);
	if (verdict != STORE_OK)
		return verdict;
	make_parents(group, op->to);
	if (!name_is_inbox(op->name)) {
		move_names(group, op);
		return STORE_OK;
	}
	/* RFC 9051 6.3.6 */
	struct mailbox *to = op_make_mailbox(group, op->to, 0, false);
	op_move_all(group, account_mailbox_named(group->account, op->name),
		to);
	return STORE_OK;
}

/* ---- subscribe ---- */

static enum store_verdict
prepare_subscribe(struct op *base, struct group *group)
{
	struct mailbox_op *op = (struct mailbox_op *)base;
	const struct mailbox *mailbox = account_mailbox_named(group->account,
		op->name);
	bool is_subscribed = mailbox != NULL && mailbox->working.is_subscribed;
	if (is_subscribed == op->subscribed)
		return STORE_OK;
	if (mailbox == NULL) {
		if (!has_room(group->account, 1))
			return STORE_TOO_MANY;
		add_name(group, op->name);
		return STORE_OK;
	}
	if (!is_real(mailbox)) {
		remove_entries(group, &mailbox->id, 1);
		return STORE_OK;
	}
	struct record_entry entry = entry_of(mailbox);
	entry.what ^= RECORD_SUBSCRIBED;
	/* The record may not borrow what it is about to replace. */
	entry.name = arena_copy(&group->arena, entry.name);
	add_entry(group, &entry);
	return STORE_OK;
}

/* ---- the door ---- */

enum store_verdict
op_mailbox_change(const struct store_account *handle,
	enum op_mailbox_what what, struct span name, struct span to,
	struct error *error)
{
	struct mailbox_op op = { .op = { .prepare = what == OP_MAILBOX_DELETE ?
		prepare_delete : prepare_rename, .needs_index = true,
		.is_alone = true }, .name = name, .to = to };
	return commit_run(handle, &op.op, error);
}

/* In the files of other programs. */
static enum store_verdict
run_in_files(struct store_account *handle, const struct mailbox_op *op,
	struct error *error)
{
	if (op->op.prepare == prepare_create)
		return mirror_create(handle, op->name, op->use, error);
	if (op->op.prepare == prepare_delete)
		return mirror_delete(handle, op->name, error);
	if (op->op.prepare == prepare_rename)
		return mirror_rename(handle, op->name, op->to, error);
	return mirror_subscribe(handle, op->name, op->subscribed, error);
}

static enum store_verdict
run(struct store_account *handle, struct mailbox_op *op, struct span name,
	struct span to, struct error *error)
{
	struct arena arena;
	enum store_verdict verdict = STORE_BAD_NAME;
	if (!account_allows(handle))
		return STORE_DENIED;
	arena_init(&arena, 0);
	if (name_normalise(name, &arena, &op->name) &&
	    (to.data == NULL || name_normalise(to, &arena, &op->to)))
		verdict = handle->account->mirror != NULL ?
			run_in_files(handle, op, error) :
			commit_run(handle, &op->op, error);
	arena_fini(&arena);
	return verdict;
}

static enum store_verdict
find_id(struct store_account *handle, struct span name, uint32_t *id,
	struct error *error)
{
	struct store_mailbox mailbox = { .id = 0 };
	struct arena arena;
	arena_init(&arena, 0);
	enum store_verdict verdict = store_mailbox_find(handle, name, &arena,
		&mailbox, error);
	arena_fini(&arena);
	*id = mailbox.id;
	return verdict;
}

enum store_verdict
store_mailbox_create(struct store_account *handle, struct span name,
	unsigned use, uint32_t *mailbox, struct error *error)
{
	struct mailbox_op op = { .op = { .prepare = prepare_create,
		.records = STORE_NAME_LIMIT / 2 + 1 }, .use = use };
	enum store_verdict verdict = run(handle, &op, name,
		span_of(NULL, 0), error);
	if (verdict == STORE_OK && handle->account->mirror != NULL)
		verdict = find_id(handle, name, &op.id, error);
	*mailbox = verdict == STORE_OK ? op.id : 0;
	return verdict;
}

enum store_verdict
store_mailbox_delete(struct store_account *handle, struct span name,
	struct error *error)
{
	struct mailbox_op op = { .op = { .prepare = prepare_delete,
		.needs_index = true, .records = 2 } };
	return run(handle, &op, name, span_of(NULL, 0), error);
}

enum store_verdict
store_mailbox_rename(struct store_account *handle, struct span from,
	struct span to, struct error *error)
{
	struct mailbox_op op = { .op = { .prepare = prepare_rename,
		.needs_index = true, .is_alone = true } };
	return run(handle, &op, from, to.data == NULL ? SPAN("") : to, error);
}

enum store_verdict
store_mailbox_subscribe(struct store_account *handle, struct span name,
	bool subscribed, struct error *error)
{
	struct mailbox_op op = { .op = { .prepare = prepare_subscribe },
		.subscribed = subscribed };
	return run(handle, &op, name, span_of(NULL, 0), error);
}

/* ---- as files of other programs have it ---- */

struct list_op {
	struct op op;
	const struct follow_list *list;
};

static bool
has_name(const struct span *names, size_t count, struct span name)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = span_compare(names[middle], name);
		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* Mailboxes that the files have not, and names that are not subscribed. */
static void
remove_missing(struct group *group, const struct follow_list *list)
{
	struct account *account = group->account;
	uint32_t *gone = arena_new_array(&group->arena, account->mailbox_count,
		sizeof(*gone));
	size_t count = 0;
	for (size_t i = 0; i < account->mailbox_count; i++) {
		const struct mailbox *mailbox = account->mailbox[i];
		struct span name = mailbox->working.name;
		if (!mailbox->working.is_there || name_is_inbox(name))
			continue;
		if (is_real(mailbox) ? !has_name(list->name, list->name_count,
				name) : !has_name(list->subscribed,
				list->subscribed_count, name))
			gone[count++] = mailbox->id;
	}
	remove_entries(group, gone, count);
}

static void
make_found(struct group *group, const struct follow_list *list)
{
	struct account *account = group->account;
	for (size_t i = 0; i < list->name_count; i++) {
		struct span name = list->name[i];
		if (is_real(account_mailbox_named(account, name)) ||
		    !has_room(account, 1))
			continue;
		op_make_mailbox(group, name, span_equals(name, list->new_name) ?
			list->use : 0, has_name(list->subscribed,
			list->subscribed_count, name));
	}
}

static void
follow_subscriptions(struct group *group, const struct follow_list *list)
{
	struct account *account = group->account;
	struct batch batch;
	batch_init(&batch, group);
	for (size_t i = 0; i < account->mailbox_count; i++) {
		const struct mailbox *mailbox = account->mailbox[i];
		struct record_entry entry = entry_of(mailbox);
		if (!mailbox->working.is_there || !is_real(mailbox) ||
		    mailbox->working.is_subscribed == has_name(list->subscribed,
				list->subscribed_count, mailbox->working.name))
			continue;
		entry.what ^= RECORD_SUBSCRIBED;
		entry.name = arena_copy(&group->arena, entry.name);
		batch_add(&batch, &entry);
	}
	for (size_t i = 0; i < list->subscribed_count; i++) {
		struct span name = list->subscribed[i];
		if (account_mailbox_named(account, name) != NULL ||
		    !has_room(account, 1))
			continue;
		struct record_entry entry = entry_of_name(group, name);
		batch_add(&batch, &entry);
	}
	batch_fini(&batch);
}

static enum store_verdict
prepare_list(struct op *base, struct group *group)
{
	const struct follow_list *list = ((struct list_op *)base)->list;
	remove_missing(group, list);
	make_found(group, list);
	follow_subscriptions(group, list);
	return STORE_OK;
}

enum store_verdict
op_follow_list(struct account *account, const struct follow_list *list,
	struct error *error)
{
	struct store_account handle = { .account = account };
	struct list_op op = { .op = { .prepare = prepare_list,
		.needs_index = true, .is_alone = true }, .list = list };
	return commit_run(&handle, &op.op, error);
}

/* ---- a new account ---- */

static const struct {
	const char *name;
	unsigned use;
} folders[] = {
	{ "INBOX", 0 },
	{ "Drafts", STORE_USE_DRAFTS },
	{ "Sent", STORE_USE_SENT },
	{ "Junk", STORE_USE_JUNK },
	{ "Trash", STORE_USE_TRASH },
	{ "Archive", STORE_USE_ARCHIVE },
};

struct folders_op {
	struct op op;
	bool all;
};

static enum store_verdict
prepare_folders(struct op *base, struct group *group)
{
	struct folders_op *op = (struct folders_op *)base;
	size_t count = op->all ? sizeof(folders) / sizeof(folders[0]) : 1;
	for (size_t i = 0; i < count; i++)
		op_make_mailbox(group, span_from(folders[i].name),
			folders[i].use, true);
	return STORE_OK;
}

int
op_create_folders(struct account *account, bool all, struct error *error)
{
	struct store_account handle = { .account = account };
	struct folders_op op = { .op = { .prepare = prepare_folders,
		.records = sizeof(folders) / sizeof(folders[0]) },
		.all = all };
	return commit_run(&handle, &op.op, error) == STORE_OK ? 0 : -1;
}
