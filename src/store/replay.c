/*
 * Replaying the log into an account's state. Records are applied exactly as
 * when they were made; what is published is written in between, so that a
 * rebuild of a large index does not need all of it in memory.
 */
#include "store/replay.h"

#include "base/log.h"
#include "store/apply.h"
#include "store/head.h"

enum {
	REPLAY_PUBLISH = 20000,		/* records */
	REPLAY_STATE = 16 << 20,	/* bytes of a whole state */
	REPLAY_RECORD_LIMIT = 256 << 20,	/* bytes, bodies aside */
};

struct replay {
	struct change change;
	bool is_from_scratch;
	size_t records;
	uint64_t state_bytes;		/* not published */
	struct log_applied group;	/* of the last record */
};

/* On a full disk it stays in memory. */
static int
flush(struct index *index, struct error *error)
{
	return index_flush(index, error) < 0 && error->code != ERROR_FULL ?
		-1 : 0;
}

/* ---- whole states ---- */

static void
forget_objects(struct index *index)
{
	size_t cursor = 0;
	struct span key;
	void *value;
	pthread_mutex_lock(&index->dirty_lock);
	while (map_next(&index->objects, &cursor, &key, &value)) {
		struct index_object *object = value;
		object->placements = object->bytes = 0;
		index_dirty_object(index->dirty, object);
	}
	pthread_mutex_unlock(&index->dirty_lock);
}

static void
forget_all(struct change *change)
{
	struct account *account = change->account;
	for (size_t i = 0; i < account->mailbox_count; i++) {
		struct mailbox *mailbox = account->mailbox[i];
		if (mailbox->tree != NULL)
			change_mailbox_gone(change, mailbox);
		if (change->does_head)
			mailbox->working.is_there = false;
	}
	if (!change->does_head)
		return;
	account->working.bytes = account->working.messages = 0;
	account->transaction_count = 0;
}

/* Published on the way, lest what is forgotten and what is new meet in one
 * writing; the file is told that it has applied nothing while this goes on. */
static int
empty(struct change *change, struct error *error)
{
	static const struct log_applied nothing;
	change_publish(change, &nothing);
	if (flush(change->index, error) < 0)
		return -1;
	forget_all(change);
	change_publish(change, &nothing);
	forget_objects(change->index);
	return flush(change->index, error);
}

static bool
begin_state(struct change *change, struct span bytes)
{
	struct codec_reader reader;
	struct counters *counters = &change->account->working;
	if (!change->does_head)
		return true;
	codec_reader_init(&reader, bytes);
	head_read_base(change->account, &reader);
	uint32_t next = (uint32_t)codec_read_number(&reader, UINT32_MAX);
	uint32_t validity = (uint32_t)codec_read_number(&reader, UINT32_MAX);
	if (next > counters->next_mailbox)
		counters->next_mailbox = next;
	if (validity > counters->uid_validity)
		counters->uid_validity = validity;
	for (size_t i = 0; i < change->account->mailbox_count; i++)
		change_touch(change, change->account->mailbox[i]);
	change->is_list_changed = true;
	return codec_reader_is_done(&reader);
}

static struct mailbox *
state_mailbox(struct change *change, struct codec_reader *reader)
{
	struct account *account = change->account;
	uint32_t id = (uint32_t)codec_read_number(reader, UINT32_MAX);
	struct mailbox *mailbox = account_mailbox(account, id);
	if (mailbox == NULL) {
		pthread_mutex_lock(&account->lock);
		mailbox = account_mailbox_add(account, id);
		pthread_mutex_unlock(&account->lock);
	}
	change_tree(change, mailbox);
	return mailbox;
}

static bool
read_state_mailbox(struct change *change, struct span bytes, uint64_t modseq)
{
	struct codec_reader reader;
	codec_reader_init(&reader, bytes);
	struct tree *tree = state_mailbox(change, &reader)->tree;
	tree->uid_validity = (uint32_t)codec_read_number(&reader, UINT32_MAX);
	uint32_t uid_next = (uint32_t)codec_read_number(&reader, UINT32_MAX);
	if (uid_next > tree->uid_next)
		tree->uid_next = uid_next;
	tree->modseq = codec_read_varint(&reader);
	/* Tombstones from before are not in a state. */
	tree->floor = modseq;
	uint64_t count = codec_read_number(&reader, STORE_KEYWORD_LIMIT);
	while (count-- > 0 && !reader.is_failed) {
		unsigned number = (unsigned)codec_read_number(&reader,
			STORE_KEYWORD_LIMIT - 1);
		struct span name = codec_read_bytes(&reader);
		if (!reader.is_failed)
			tree_set_keywords(tree, keywords_with(tree->keywords,
				number, name));
	}
	return codec_reader_is_done(&reader);
}

static void
add_state_message(struct change *change, struct mailbox *mailbox,
	const struct slot *slot)
{
	uint32_t uid_next = mailbox->tree->uid_next;
	uint64_t modseq = mailbox->tree->modseq;
	change_object(change, slot, true);
	change_append(change, mailbox, slot);
	mailbox->tree->uid_next = uid_next > slot->uid ? uid_next :
		slot->uid + 1;
	mailbox->tree->modseq = modseq;
	if (!change->does_head)
		return;
	change->account->working.bytes += slot->size;
	change->account->working.messages++;
}

static bool
read_state_block(struct change *change, struct mailbox *mailbox,
	struct codec_reader *reader)
{
	struct tree_at at;
	uint32_t base = codec_read_u32(reader);
	struct span bytes = codec_read_bytes(reader);
	struct block *block = reader->is_failed || base != block_base(base) ||
		tree_seek(mailbox->tree, base, &at) ? NULL :
		block_decode(bytes);
	if (block == NULL)
		return false;
	for (unsigned i = 0; i < block->count; i++) {
		struct slot slot = block_get(block, base, i);
		if (slot.is_there && slot.uid > 0 && slot.uid < UINT32_MAX)
			add_state_message(change, mailbox, &slot);
	}
	block_free(&block);
	return true;
}

static bool
read_state_blocks(struct change *change, struct span bytes)
{
	struct codec_reader reader;
	codec_reader_init(&reader, bytes);
	struct mailbox *mailbox = state_mailbox(change, &reader);
	uint64_t count = codec_read_number(&reader, bytes.size);
	while (count-- > 0)
		if (!read_state_block(change, mailbox, &reader))
			return false;
	return codec_reader_is_done(&reader);
}

static bool
read_state_annotations(struct change *change, struct span bytes)
{
	struct codec_reader reader;
	codec_reader_init(&reader, bytes);
	uint32_t id = (uint32_t)codec_read_number(&reader, UINT32_MAX);
	uint64_t count = codec_read_number(&reader, reader.rest.size);
	while (count-- > 0 && !reader.is_failed) {
		uint32_t uid = (uint32_t)codec_read_number(&reader, UINT32_MAX);
		struct span value = codec_read_bytes(&reader);
		if (!reader.is_failed)
			change_annotate(change, index_annotation_id(id, uid),
				value);
	}
	return codec_reader_is_done(&reader);
}

/* ---- single records ---- */

static int
replay_message(struct change *change, struct log *log,
	const struct log_found *found, bool *is_right, struct error *error)
{
	char bytes[RECORD_MESSAGE_BIG_SIZE];
	struct record_message message;
	size_t size = found->size < sizeof(bytes) ? found->size : sizeof(bytes);
	struct span start = span_first(found->payload, size);
	if (found->payload.data == NULL) {
		if (log_read(log, found->position, bytes, size, error) < 0)
			return -1;
		start = span_of(bytes, size);
	}
	*is_right = record_get_message(start, found->size, &message);
	if (*is_right && message.form == RECORD_BIG)
		change_email_is_at(change, found->modseq, LOG_BODY,
			message.number);
	else if (*is_right)
		change_email_is_at(change, found->modseq,
			found->position.segment,
			found->position.offset + RECORD_MESSAGE_SIZE);
	return 0;
}

static bool
replay_entries(struct change *change, struct span bytes, uint64_t modseq)
{
	struct codec_reader reader;
	codec_reader_init(&reader, bytes);
	uint64_t count = codec_read_number(&reader, bytes.size);
	while (count-- > 0 && !reader.is_failed) {
		struct record_entry entry;
		record_get_entry(&reader, &entry);
		if ((entry.what & RECORD_AS_IN_BASE) != 0)
			reader.is_failed = true;	/* only heads may */
		if (!reader.is_failed)
			apply_entry(change, &entry, modseq);
	}
	return codec_reader_is_done(&reader);
}

static bool
replay_gone(struct change *change, struct span bytes)
{
	struct codec_reader reader;
	codec_reader_init(&reader, bytes);
	uint64_t count = codec_read_number(&reader, bytes.size);
	while (count-- > 0 && !reader.is_failed) {
		uint32_t id = (uint32_t)codec_read_number(&reader, UINT32_MAX);
		if (!reader.is_failed)
			apply_mailbox_gone(change, id);
	}
	return codec_reader_is_done(&reader);
}

static bool
replay_sets(struct change *change, unsigned kind, struct span bytes,
	uint64_t modseq)
{
	struct record_flags flags = { 0 };
	struct record_expunge expunge = { 0 };
	struct record_copy copy = { 0 };
	bool is_right = true;
	if (kind == RECORD_FLAGS) {
		is_right = record_get_flags(bytes, &flags);
		if (is_right)
			apply_flags(change, &flags, modseq);
	} else if (kind == RECORD_EXPUNGE) {
		is_right = record_get_expunge(bytes, &expunge);
		if (is_right)
			apply_expunge(change, &expunge, modseq, NULL);
	} else {
		is_right = record_get_copy(bytes, &copy);
		if (is_right)
			apply_copy(change, &copy, modseq);
	}
	number_set_fini(&flags.uids);
	number_set_fini(&expunge.uids);
	number_set_fini(&copy.uids);
	return is_right;
}

static bool
replay_moved(struct change *change, struct span bytes)
{
	struct record_moved_reader reader;
	struct record_moved moved;
	record_moved_init(&reader, bytes);
	while (record_moved_next(&reader, &moved))
		continue;
	if (!codec_reader_is_done(&reader.codec))
		return false;
	apply_moved(change, bytes, true);
	return true;
}

static bool
replay_plain(struct change *change, unsigned kind, struct span bytes,
	uint64_t modseq)
{
	struct record_place place;
	struct record_found found;
	struct record_delivered delivered;
	struct record_keyword keyword;
	struct record_annotation annotation;
	switch (kind) {
	case RECORD_PLACE:
		if (!record_get_place(bytes, &place))
			return false;
		apply_place(change, &place, modseq);
		return true;
	case RECORD_FLAGS:
	case RECORD_EXPUNGE:
	case RECORD_COPY:
		return replay_sets(change, kind, bytes, modseq);
	case RECORD_MAILBOXES:
		return replay_entries(change, bytes, modseq);
	case RECORD_MAILBOX_GONE:
		return replay_gone(change, bytes);
	case RECORD_KEYWORD:
		if (!record_get_keyword(bytes, &keyword))
			return false;
		apply_keyword(change, &keyword, modseq);
		return true;
	case RECORD_MOVED:
		return replay_moved(change, bytes);
	case RECORD_FOUND:
		if (!record_get_found(bytes, &found))
			return false;
		apply_found(change, &found, modseq);
		return true;
	case RECORD_DELIVERED:
		if (!record_get_delivered(bytes, &delivered))
			return false;
		apply_delivered(change, &delivered);
		return true;
	case RECORD_ANNOTATION:
		if (!record_get_annotation(bytes, &annotation))
			return false;
		apply_annotation(change, &annotation, modseq);
		return true;
	default:
		return true;
	}
}

/* A whole state says nothing new to who has applied what came before it. */
static bool
replay_state(struct replay *replay, unsigned kind, struct span bytes,
	uint64_t modseq)
{
	struct change *change = &replay->change;
	if (!replay->is_from_scratch)
		return true;
	switch (kind) {
	case RECORD_STATE_BEGIN:
		return begin_state(change, bytes);
	case RECORD_STATE_MAILBOX:
		return read_state_mailbox(change, bytes, modseq);
	case RECORD_STATE_BLOCKS:
		return read_state_blocks(change, bytes);
	case RECORD_STATE_ANNOTATIONS:
		return read_state_annotations(change, bytes);
	default:
		return true;
	}
}

static void
report_damage(const struct account *account, const struct log_found *found)
{
	char id[ACCOUNT_ID_TEXT];
	account_id_text(account->id, id);
	log_event(LOG_ERROR, "record-damaged", NULL,
		LOG_TEXT("account", id),
		LOG_NUMBER("kind", found->kind),
		LOG_NUMBER("segment", found->position.segment),
		LOG_NUMBER("offset", found->position.offset));
}

/* The payload of a record, read when the log did not bring it along. */
static int
get_payload(struct log *log, const struct log_found *found,
	struct buffer *room, struct span *payload, struct error *error)
{
	*payload = found->payload;
	if (payload->data != NULL || found->size == 0)
		return 0;
	if (found->size > REPLAY_RECORD_LIMIT)
		return error_set(error, ERROR_DAMAGED,
			"a record of kind %u has %llu bytes", found->kind,
			(unsigned long long)found->size);
	buffer_reserve(room, found->size);
	if (log_read(log, found->position, room->data, found->size, error) < 0)
		return -1;
	*payload = span_of(room->data, found->size);
	return 0;
}

static int
replay_record(struct replay *replay, struct log *log,
	const struct log_found *found, struct error *error)
{
	struct change *change = &replay->change;
	bool is_right = true;
	int result = 0;
	if (found->kind == RECORD_MESSAGE) {
		result = replay_message(change, log, found, &is_right, error);
	} else {
		struct buffer room;
		struct span payload;
		buffer_init(&room, 0);
		result = get_payload(log, found, &room, &payload, error);
		if (result == 0 && found->kind >= RECORD_STATE_BEGIN &&
		    found->kind <= RECORD_STATE_END)
			is_right = replay_state(replay, found->kind, payload,
				found->modseq);
		else if (result == 0)
			is_right = replay_plain(change, found->kind, payload,
				found->modseq);
		buffer_fini(&room);
	}
	if (!is_right)
		report_damage(change->account, found);
	return result;
}

static int
publish(struct replay *replay, struct error *error)
{
	replay->records = 0;
	change_publish(&replay->change, &replay->group);
	return flush(replay->change.index, error);
}

/* A whole state is one group, of any size: what there is of it is written now
 * and then, and the file is told that it has applied nothing. */
static int
publish_state(struct replay *replay, const struct log_found *found,
	struct error *error)
{
	static const struct log_applied nothing;
	if (!replay->is_from_scratch || found->kind < RECORD_STATE_BEGIN ||
	    found->kind > RECORD_STATE_END)
		return 0;
	replay->state_bytes += found->size;
	if (replay->state_bytes < REPLAY_STATE)
		return 0;
	replay->state_bytes = 0;
	change_publish(&replay->change, &nothing);
	return flush(replay->change.index, error);
}

static bool
is_same_group(const struct log_applied *a, const struct log_applied *b)
{
	return a->mark.segment == b->mark.segment &&
		a->mark.offset == b->mark.offset;
}

static int
visit(void *context, struct log *log, const struct log_found *found,
	const struct log_applied *group, struct error *error)
{
	struct replay *replay = context;
	struct change *change = &replay->change;
	struct counters *counters = &change->account->working;
	if (found->kind > RECORD_LAST &&
	    (found->flags & LOG_MUST_UNDERSTAND) != 0)
		return error_set(error, ERROR_DAMAGED,
			"a record has the kind %u, unknown here", found->kind);
	if (replay->records >= REPLAY_PUBLISH &&
	    !is_same_group(group, &replay->group) &&
	    publish(replay, error) < 0)
		return -1;
	if (found->kind == RECORD_STATE_BEGIN && replay->is_from_scratch &&
	    empty(change, error) < 0)
		return -1;
	if (publish_state(replay, found, error) < 0)
		return -1;
	replay->group = *group;
	replay->records++;
	if (change->does_head && found->modseq > counters->modseq)
		counters->modseq = found->modseq;
	if (replay_record(replay, log, found, error) < 0)
		return -1;
	return change->is_broken ? error_set(error, ERROR_DAMAGED,
		"the index cannot be read") : 0;
}

int
replay_log(struct account *account, struct index *index,
	const struct log_applied *from, bool does_head, struct error *error)
{
	struct replay replay = { .is_from_scratch = from == NULL,
		.group = log_end(account->log) };
	change_init(&replay.change, account, index, does_head, 0);
	int result = log_replay(account->log, from, visit, &replay, error);
	if (result == 0) {
		replay.group = log_end(account->log);
		change_publish(&replay.change, &replay.group);
	} else {
		change_undo(&replay.change);
	}
	change_fini(&replay.change);
	return result;
}
