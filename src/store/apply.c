/*
 * What each kind of record does (doc/formats/records.md, "Kinds"). The head part
 * (lists, counters, quota) is left alone in a replay into the index, because the
 * head record has said it all; the index part only happens when it is open.
 */
#include "store/apply.h"

#include "store/head.h"
#include "store/walk.h"

/* ---- helpers ---- */

/* A mailbox that only a replay knows is made for the while. */
static struct mailbox *
get_mailbox(struct change *change, uint32_t id)
{
	struct account *account = change->account;
	struct mailbox *mailbox = account_mailbox(account, id);
	if (mailbox == NULL) {
		pthread_mutex_lock(&account->lock);
		mailbox = account_mailbox_add(account, id);
		pthread_mutex_unlock(&account->lock);
	}
	change_touch(change, mailbox);
	return mailbox;
}

static void
note_numbers(struct mailbox *mailbox, uint32_t uid_next, uint64_t modseq)
{
	struct mailbox_facts *facts = &mailbox->working;
	if (uid_next > facts->uid_next)
		facts->uid_next = uid_next;
	facts->modseq = modseq;
	if (mailbox->since_base == BASE_SAME)
		mailbox->since_base = BASE_NUMBERS;
}

static void
count_quota(struct change *change, uint64_t size, bool is_gain)
{
	struct counters *counters = &change->account->working;
	counters->bytes += is_gain ? size : -size;
	counters->messages += is_gain ? 1 : (uint64_t)-1;
}

/* ---- messages ---- */

static void
find_body(const struct change *change, struct slot *slot)
{
	for (size_t i = change->email_count; i > 0; i--) {
		const struct change_email *email = &change->email[i - 1];
		if (email->email == slot->email) {
			slot->segment = email->segment;
			slot->offset = email->offset;
		}
		if (email->email <= slot->email)
			return;
	}
}

int
apply_place(struct change *change, const struct record_place *place,
	uint64_t modseq)
{
	struct mailbox *mailbox = get_mailbox(change, place->mailbox);
	if (change->does_head) {
		note_numbers(mailbox, place->uid + 1, modseq);
		count_quota(change, place->size, true);
		if (place->transaction.size > 0)
			head_transaction_add(change->account,
				head_transaction_key(place->transaction,
				place->mailbox), place->saved);
	}
	if (change->index == NULL)
		return 0;
	if (place->uid < change_tree(change, mailbox)->uid_next)
		return 0;	/* only a damaged log has such */
	struct slot slot = {
		.uid = place->uid, .is_there = true, .zone = place->zone,
		.flags = place->flags, .modseq = modseq, .created = modseq,
		.email = place->email, .size = place->size,
		.date = place->date, .saved = place->saved,
	};
	find_body(change, &slot);
	change_object(change, &slot, true);
	return change_append(change, mailbox, &slot);
}

int
apply_found(struct change *change, const struct record_found *found,
	uint64_t modseq)
{
	struct mailbox *mailbox = get_mailbox(change, found->mailbox);
	if (change->does_head) {
		note_numbers(mailbox, found->uid + 1, modseq);
		count_quota(change, found->size, true);
	}
	if (change->index == NULL)
		return 0;
	if (found->uid < change_tree(change, mailbox)->uid_next)
		return 0;	/* only a damaged log has such */
	struct slot slot = {
		.uid = found->uid, .is_there = true, .zone = found->zone,
		.flags = found->flags, .modseq = modseq, .created = modseq,
		.email = found->email != 0 ? found->email : modseq,
		.size = found->size, .date = found->date,
		.saved = found->saved,
	};
	slot_set_key(&slot, found->key);
	return change_append(change, mailbox, &slot);
}

void
apply_delivered(struct change *change,
	const struct record_delivered *delivered)
{
	if (change->does_head)
		head_transaction_add(change->account, head_transaction_key(
			delivered->transaction, delivered->mailbox),
			delivered->second);
}

uint64_t
apply_new_flags(enum store_change change, uint64_t old, uint64_t flags)
{
	switch (change) {
	case STORE_ADD:
		return old | flags;
	case STORE_REMOVE:
		return old & ~flags;
	case STORE_REPLACE:
		break;
	}
	return flags;
}

/* The message as one that may be changed; NULL: the index is broken. */
static struct node *
edit_message(struct change *change, struct tree *tree, uint32_t uid,
	unsigned *place)
{
	struct tree_at at;
	if (!tree_seek(tree, uid, &at))
		return NULL;
	struct node *node = change_edit(change, tree, at);
	if (node != NULL)
		*place = block_find(node->block, node->base, uid);
	return node;
}

int
apply_flags(struct change *change, const struct record_flags *flags,
	uint64_t modseq)
{
	struct mailbox *mailbox = get_mailbox(change, flags->mailbox);
	struct walk walk;
	struct slot slot;
	unsigned place;
	if (change->does_head)
		note_numbers(mailbox, 0, modseq);
	if (change->index == NULL)
		return 0;
	struct tree *tree = change_tree(change, mailbox);
	tree->modseq = modseq;
	walk_init(&walk, change->index, tree, &flags->uids);
	while (!change->is_broken && walk_next(&walk, &slot)) {
		uint64_t new = apply_new_flags(flags->change, slot.flags,
			flags->flags);
		if (new == slot.flags)
			continue;
		struct node *node = edit_message(change, tree, slot.uid,
			&place);
		if (node != NULL)
			block_set_flags(node->block, &node->summary, place, new,
				modseq);
	}
	change->is_broken |= walk.is_broken;
	walk_fini(&walk);
	return change->is_broken ? -1 : 0;
}

/* is_move: the email lives on elsewhere. */
static void
expunge_message(struct change *change, struct mailbox *mailbox,
	const struct slot *slot, uint64_t modseq, bool is_move)
{
	unsigned place;
	struct node *node = edit_message(change, mailbox->tree, slot->uid,
		&place);
	if (node == NULL)
		return;
	block_expunge(node->block, &node->summary, node->base, place, modseq);
	change_object(change, slot, false);
	change_vanished(change, mailbox->id, slot->uid, is_move ? 0 :
		slot->email);
	if (change->does_head)
		count_quota(change, slot->size, false);
}

int
apply_expunge(struct change *change, const struct record_expunge *expunge,
	uint64_t modseq, struct number_set *expunged)
{
	struct mailbox *mailbox = get_mailbox(change, expunge->mailbox);
	struct walk walk;
	struct slot slot;
	if (change->does_head)
		note_numbers(mailbox, 0, modseq);
	if (change->index == NULL)
		return 0;
	struct tree *tree = change_tree(change, mailbox);
	tree->modseq = modseq;
	walk_init(&walk, change->index, tree, &expunge->uids);
	while (!change->is_broken && walk_next(&walk, &slot)) {
		expunge_message(change, mailbox, &slot, modseq, false);
		if (expunged != NULL)
			number_set_add(expunged, slot.uid, slot.uid);
	}
	change->is_broken |= walk.is_broken;
	walk_fini(&walk);
	return change->is_broken ? -1 : 0;
}

/* Bits of keywords as the other mailbox numbers them. */
static uint64_t
translate_flags(uint64_t flags, const struct keywords *from,
	const struct keywords *to)
{
	uint64_t system = flags & (((uint64_t)1 << 8) - 1), rest = flags >> 8;
	for (; rest != 0; rest &= rest - 1) {
		unsigned bit = (unsigned)__builtin_ctzll(rest);
		int number = from != NULL && bit < from->count ?
			keywords_find(to, from->name[bit]) : -1;
		if (number >= 0)
			system |= (uint64_t)1 << (8 + number);
	}
	return system;
}

int
apply_copy(struct change *change, const struct record_copy *copy,
	uint64_t modseq)
{
	struct mailbox *from = get_mailbox(change, copy->from);
	struct mailbox *to = get_mailbox(change, copy->to);
	struct walk walk;
	struct slot slot;
	uint32_t uid = copy->first;
	if (change->index == NULL)
		return 0;
	struct tree *source = change_tree(change, from);
	struct tree *target = change_tree(change, to);
	if (uid < target->uid_next)
		return 0;	/* only a damaged log has such */
	walk_init(&walk, change->index, source, &copy->uids);
	while (!change->is_broken && uid < UINT32_MAX && walk_next(&walk, &slot)) {
		if (from == to && slot.uid >= copy->first)
			break;	/* that is what this copy made */
		struct slot new = slot;
		new.uid = uid++;
		new.flags = from == to ? slot.flags : translate_flags(
			slot.flags, source->keywords, target->keywords);
		new.modseq = new.created = modseq;
		new.saved = copy->saved;
		change_object(change, &new, true);
		if (change_append(change, to, &new) < 0)
			break;
		if (change->does_head)
			count_quota(change, new.size, true);
		if (copy->is_move)
			expunge_message(change, from, &slot, modseq, true);
	}
	change->is_broken |= walk.is_broken;
	walk_fini(&walk);
	target->modseq = modseq;
	if (copy->is_move)
		source->modseq = modseq;
	if (!change->does_head)
		return change->is_broken ? -1 : 0;
	note_numbers(to, uid, modseq);
	if (copy->is_move)
		note_numbers(from, 0, modseq);
	return change->is_broken ? -1 : 0;
}

/* ---- mailboxes ---- */

static void
entry_to_head(struct change *change, struct mailbox *mailbox,
	const struct record_entry *entry)
{
	struct mailbox_facts *facts = &mailbox->working;
	struct counters *counters = &change->account->working;
	facts->is_there = true;
	facts->is_subscribed = (entry->what & RECORD_SUBSCRIBED) != 0;
	facts->is_name_only = (entry->what & RECORD_NAME_ONLY) != 0;
	facts->use = entry->use;
	facts->uid_validity = entry->uid_validity;
	if (!span_equals(facts->name, entry->name))
		mailbox_set_name(mailbox, entry->name);
	if (entry->uid_next > facts->uid_next)
		facts->uid_next = entry->uid_next;
	if (entry->modseq > facts->modseq)
		facts->modseq = entry->modseq;
	if (entry->id >= counters->next_mailbox)
		counters->next_mailbox = entry->id + 1;
	if (entry->uid_validity > counters->uid_validity)
		counters->uid_validity = entry->uid_validity;
	mailbox->since_base = BASE_ALL;
	change->is_list_changed = true;
}

void
apply_entry(struct change *change, const struct record_entry *entry,
	uint64_t modseq)
{
	struct mailbox *mailbox = get_mailbox(change, entry->id);
	if (change->does_head)
		entry_to_head(change, mailbox, entry);
	if (change->index == NULL || (entry->what & RECORD_NAME_ONLY) != 0)
		return;
	bool is_new = mailbox->tree == NULL;
	struct tree *tree = change_tree(change, mailbox);
	/* A mailbox that is there gets another UIDVALIDITY when it is taken over
	 * from another program while it is empty, and a larger next UID when
	 * that program has gone further. */
	if (!is_new && tree->uid_validity == entry->uid_validity &&
	    tree->uid_next >= entry->uid_next)
		return;
	tree->uid_validity = entry->uid_validity;
	tree->uid_next = entry->uid_next;
	tree->modseq = modseq;
}

/* What lived in it is not there any more. */
static void
forget_messages(struct change *change, struct mailbox *mailbox)
{
	struct walk walk;
	struct slot slot;
	walk_init(&walk, change->index, mailbox->tree, NULL);
	while (walk_next(&walk, &slot)) {
		change_object(change, &slot, false);
		if (change->does_head)
			count_quota(change, slot.size, false);
	}
	change->is_broken |= walk.is_broken;
	walk_fini(&walk);
}

void
apply_mailbox_gone(struct change *change, uint32_t id)
{
	struct mailbox *mailbox = get_mailbox(change, id);
	if (change->does_head) {
		mailbox->working.is_there = false;
		head_mailbox_gone(change->account, id);
		change->is_list_changed = true;
	}
	if (change->index == NULL || mailbox->tree == NULL)
		return;
	forget_messages(change, mailbox);
	change_mailbox_gone(change, mailbox);
}

/* ---- the rest ---- */

void
apply_keyword(struct change *change, const struct record_keyword *keyword,
	uint64_t modseq)
{
	struct mailbox *mailbox = get_mailbox(change, keyword->mailbox);
	if (change->does_head)
		note_numbers(mailbox, 0, modseq);
	if (change->index == NULL)
		return;
	struct tree *tree = change_tree(change, mailbox);
	tree->modseq = modseq;
	tree_set_keywords(tree, keywords_with(tree->keywords, keyword->number,
		keyword->name));
}

void
apply_annotation(struct change *change,
	const struct record_annotation *annotation, uint64_t modseq)
{
	struct mailbox *mailbox = get_mailbox(change, annotation->mailbox);
	if (change->does_head)
		note_numbers(mailbox, 0, modseq);
	if (change->index == NULL)
		return;
	change_tree(change, mailbox)->modseq = modseq;
	change_annotate(change, index_annotation_id(annotation->mailbox,
		annotation->uid), annotation->bytes);
}

/* ---- bodies that were written again ---- */

/* Where the message record is; NULL: it is not in this change. */
static const struct change_email *
find_record(const struct change *change, uint64_t record)
{
	for (size_t i = change->email_count; i > 0; i--) {
		const struct change_email *email = &change->email[i - 1];
		if (email->email == record)
			return email;
		if (email->email < record)
			break;
	}
	return NULL;
}

static void
move_one(struct change *change, const struct record_moved *moved,
	bool is_written)
{
	struct mailbox *mailbox = account_mailbox(change->account,
		moved->mailbox);
	const struct change_email *to = find_record(change, moved->record);
	struct slot slot;
	unsigned place;
	if (mailbox == NULL || mailbox->tree == NULL ||
	    (is_written && to == NULL) || !walk_find(change->index,
		mailbox->tree, moved->uid, &slot) || slot.email != moved->email)
		return;
	struct node *node = edit_message(change, change_tree(change, mailbox),
		moved->uid, &place);
	if (node == NULL)
		return;
	change_object(change, &slot, false);
	/* From here on it is counted where the message record is. */
	slot.email = moved->record;
	slot.segment = to == NULL ? 0 : to->segment;
	slot.offset = to == NULL ? 0 : to->offset;
	change_object(change, &slot, true);
	node->block->segment[place] = slot.segment;
	node->block->offset[place] = slot.offset;
	if (to == NULL)
		change_place_later(change, mailbox, slot.uid, moved->record);
}

int
apply_moved(struct change *change, struct span payload, bool is_written)
{
	struct record_moved_reader reader;
	struct record_moved moved;
	if (change->index == NULL)
		return 0;
	record_moved_init(&reader, payload);
	while (!change->is_broken && record_moved_next(&reader, &moved))
		move_one(change, &moved, is_written);
	change->is_broken |= atomic_load(&change->index->is_broken);
	return change->is_broken ? -1 : 0;
}
