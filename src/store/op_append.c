/*
 * Storing new messages. Bodies are laid out by the caller's own thread; large
 * ones are durable objects before the group that names them is put together, so
 * that they hold nobody up.
 */
#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "store/apply.h"
#include "store/head.h"
#include "store/mirror.h"
#include "store/op.h"
#include "store/store_inner.h"

enum { PIECE_LIMIT = 1000 };

/* A body laid out. */
struct body {
	char header[RECORD_MESSAGE_BIG_SIZE];
	struct iovec *piece;		/* the header first */
	int count;
	uint64_t size;
	struct log_position big;	/* segment 0: inline */
};

struct append {
	struct op op;
	uint32_t mailbox;
	const struct store_message_new *message;
	const struct body *body;
	size_t count;
	uint64_t size;			/* of all */
	uint64_t email;			/* of the last body put into the group */
	uint32_t *uids;
};

/* ---- bodies ---- */

static uint64_t
size_of(const struct store_message_new *message)
{
	uint64_t size = 0;
	for (size_t i = 0; i < message->piece_count; i++) {
		const struct store_piece *piece = &message->piece[i];
		size += piece->bytes.data != NULL ? piece->bytes.size :
			piece->size;
	}
	return size;
}

static int
read_piece(const struct store_piece *from, struct arena *arena,
	struct iovec *to, struct error *error)
{
	if (from->bytes.data != NULL) {
		to->iov_base = (char *)from->bytes.data;
		to->iov_len = from->bytes.size;
		return 0;
	}
	to->iov_len = from->size;
	to->iov_base = arena_new(arena, from->size);
	return file_read_at(from->fd, to->iov_base, from->size, from->offset,
		error);
}

static int
lay_out_inline(const struct store_message_new *message, struct body *body,
	struct arena *arena, struct error *error)
{
	body->piece[0] = (struct iovec){ body->header, RECORD_MESSAGE_SIZE };
	for (size_t i = 0; i < message->piece_count; i++)
		if (read_piece(&message->piece[i], arena, &body->piece[i + 1],
				error) < 0)
			return -1;
	record_put_message(body->header, &(struct record_message){
		RECORD_INLINE, body->size, 0 });
	body->count = (int)message->piece_count + 1;
	return 0;
}

/* A part of a file in memory, for the while; base is page-aligned. */
struct mapping {
	void *base;
	size_t size;
};

static int
map_piece(const struct store_piece *from, struct mapping *mapping,
	struct iovec *to, struct error *error)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t before = from->offset % page;
	if (from->bytes.data != NULL || from->size == 0) {
		*to = (struct iovec){ (char *)from->bytes.data,
			from->bytes.data == NULL ? 0 : from->bytes.size };
		return 0;
	}
	mapping->size = from->size + before;
	mapping->base = mmap(NULL, mapping->size, PROT_READ, MAP_PRIVATE,
		from->fd, (off_t)(from->offset - before));
	if (mapping->base == MAP_FAILED) {
		mapping->base = NULL;
		return error_set_errno(error, "mapping a message of %llu bytes",
			(unsigned long long)from->size);
	}
	*to = (struct iovec){ (char *)mapping->base + before, from->size };
	return 0;
}

static int
lay_out_big(struct log *log, const struct store_message_new *message,
	struct body *body, struct arena *arena, struct error *error)
{
	size_t count = message->piece_count;
	struct mapping *mappings = arena_new_array(arena, count,
		sizeof(*mappings));
	int result = 0;
	for (size_t i = 0; i < count && result == 0; i++)
		result = map_piece(&message->piece[i], &mappings[i],
			&body->piece[i], error);
	if (result == 0)
		result = log_body_create(log, body->piece, (int)count,
			&body->big, error);
	for (size_t i = 0; i < count; i++)
		if (mappings[i].base != NULL)
			munmap(mappings[i].base, mappings[i].size);
	if (result < 0)
		return -1;
	record_put_message(body->header, &(struct record_message){ RECORD_BIG,
		body->size, body->big.offset });
	body->piece[0] = (struct iovec){ body->header,
		RECORD_MESSAGE_BIG_SIZE };
	body->count = 1;
	return 0;
}

static int
lay_out(struct account *account, struct append *append, struct body *bodies,
	struct arena *arena, struct error *error)
{
	uint64_t big_size = account->store->big_size;
	for (size_t i = 0; i < append->count; i++) {
		const struct store_message_new *message = &append->message[i];
		struct body *body = &bodies[i];
		if (message->shares_body) {
			body->size = bodies[i - 1].size;
			append->size += body->size;
			continue;
		}
		body->size = size_of(message);
		body->piece = arena_new_array(arena, message->piece_count + 1,
			sizeof(*body->piece));
		append->size += body->size;
		if (body->size <= big_size)
			append->op.size += body->size;
		int result = body->size > big_size ?
			lay_out_big(account->log, message, body, arena, error) :
			lay_out_inline(message, body, arena, error);
		if (result < 0)
			return -1;
	}
	return 0;
}

/* ---- in the group ---- */

static bool
is_known(const struct group *group, const struct append *append)
{
	for (size_t i = 0; i < append->count; i++) {
		const uint8_t *transaction = append->message[i].transaction;
		if (transaction != NULL && head_transaction_is_known(
				group->account, head_transaction_key(span_of(
				transaction, STORE_TRANSACTION_SIZE),
				append->mailbox), group->change.second))
			return true;
	}
	return false;
}

static enum store_verdict
check(const struct group *group, const struct append *append,
	const struct mailbox *mailbox)
{
	struct account *account = group->account;
	pthread_mutex_lock(&account->lock);
	uint64_t limit = account->quota_limit;
	pthread_mutex_unlock(&account->lock);
	if (mailbox == NULL)
		return STORE_NO_MAILBOX;
	if (is_known(group, append))
		return STORE_DUPLICATE;
	if (limit != 0 && (append->size > limit ||
	    account->working.bytes > limit - append->size))
		return STORE_OVER_QUOTA;
	return mailbox->working.uid_next > UINT32_MAX - 1 - append->count ?
		STORE_TOO_MANY : STORE_OK;
}

static void
annotate(struct group *group, const struct record_place *place,
	struct span bytes)
{
	struct record_annotation annotation = { place->mailbox, place->uid,
		bytes };
	struct buffer payload;
	buffer_init(&payload, 0);
	record_put_annotation(&payload, &annotation);
	apply_annotation(&group->change, &annotation, group_add(group,
		RECORD_ANNOTATION, 0, &payload));
	buffer_fini(&payload);
}

static void
place_message(struct group *group, struct mailbox *mailbox,
	struct append *append, size_t i, uint64_t flags)
{
	const struct store_message_new *message = &append->message[i];
	const struct body *body = &append->body[i];
	struct buffer payload;
	struct record_place place = {
		.mailbox = mailbox->id,
		.uid = mailbox->working.uid_next,
		.size = body->size,
		.flags = flags,
		.date = message->internal_date != 0 ? message->internal_date :
			group->change.second,
		.zone = message->zone,
		.saved = group->change.second,
	};
	if (message->transaction != NULL)
		place.transaction = span_of(message->transaction,
			STORE_TRANSACTION_SIZE);
	if (!message->shares_body)
		append->email = group_add_pieces(group, RECORD_MESSAGE, 0,
			body->piece, body->count);
	place.email = append->email;
	buffer_init(&payload, 0);
	record_put_place(&payload, &place);
	apply_place(&group->change, &place, group_add(group, RECORD_PLACE, 0,
		&payload));
	buffer_fini(&payload);
	if (message->annotation.size > 0)
		annotate(group, &place, message->annotation);
}

/* Makes what all messages need; or nothing, when there are not enough. */
static enum store_verdict
make_keywords(struct group *group, const struct append *append,
	const struct mailbox *mailbox)
{
	struct store_flags all = { 0 };
	struct op_keywords keywords;
	size_t count = 0;
	for (size_t i = 0; i < append->count; i++)
		count += append->message[i].flags.keyword_count;
	if (count == 0)
		return STORE_OK;
	struct span *names = arena_new_array(&group->arena, count,
		sizeof(*names));
	for (size_t i = 0; i < append->count; i++) {
		const struct store_flags *flags = &append->message[i].flags;
		for (size_t k = 0; k < flags->keyword_count; k++)
			names[all.keyword_count++] = flags->keyword[k];
	}
	all.keyword = names;
	enum store_verdict verdict = op_keywords_find(mailbox, &all, true,
		&keywords);
	if (verdict == STORE_OK)
		op_keywords_make(group, mailbox, &keywords);
	return verdict;
}

static enum store_verdict
prepare(struct op *op, struct group *group)
{
	struct append *append = (struct append *)op;
	struct mailbox *mailbox = op_mailbox(group, append->mailbox);
	enum store_verdict verdict = check(group, append, mailbox);
	struct op_keywords keywords;
	if (verdict == STORE_OK)
		verdict = make_keywords(group, append, mailbox);
	for (size_t i = 0; i < append->count && verdict == STORE_OK; i++) {
		const struct store_message_new *message = &append->message[i];
		keywords.bits = message->flags.system & OP_SYSTEM_FLAGS;
		if (message->flags.keyword_count > 0)
			op_keywords_find(mailbox, &message->flags, false,
				&keywords);
		append->uids[i] = mailbox->working.uid_next;
		place_message(group, mailbox, append, i, keywords.bits);
	}
	return verdict;
}

/* ---- the door ---- */

/* Keywords of all messages must fit, or none of them is stored. */
static enum store_verdict
measure(struct append *append)
{
	append->op.records = (unsigned)append->count * 2;
	for (size_t i = 0; i < append->count; i++) {
		const struct store_message_new *message = &append->message[i];
		if (message->flags.keyword_count > STORE_KEYWORD_LIMIT ||
		    message->annotation.size > STORE_ANNOTATION_LIMIT ||
		    message->piece_count > PIECE_LIMIT)
			return STORE_TOO_MANY;
		assert(i > 0 || !message->shares_body);
		append->op.needs_index |= message->flags.keyword_count > 0;
		append->op.records +=
			(unsigned)message->flags.keyword_count +
			(message->annotation.size > 0);
	}
	return append->op.records < LOG_GROUP_LIMIT ? STORE_OK :
		STORE_TOO_MANY;
}

static void
remove_bodies(struct log *log, const struct body *bodies, size_t count)
{
	struct error ignored;	/* a sweep finds what is left */
	for (size_t i = 0; i < count; i++)
		if (bodies[i].big.segment != 0)
			log_body_remove(log, bodies[i].big, &ignored);
}

enum store_verdict
store_append(struct store_account *handle, uint32_t mailbox,
	const struct store_message_new *messages, size_t count,
	uint32_t *uids, struct error *error)
{
	struct append append = { .op.prepare = prepare, .mailbox = mailbox,
		.message = messages, .count = count, .uids = uids };
	struct arena arena;
	enum store_verdict verdict;
	if (!account_allows(handle))
		return STORE_DENIED;
	if (count > STORE_APPEND_LIMIT || measure(&append) != STORE_OK)
		return STORE_TOO_MANY;
	if (handle->account->mirror != NULL)
		return mirror_append(handle, mailbox, messages, count, uids,
			error);
	arena_init(&arena, 0);
	struct body *bodies = arena_new_array(&arena, count, sizeof(*bodies));
	append.body = bodies;
	bool is_laid_out = lay_out(handle->account, &append, bodies, &arena,
		error) == 0;
	verdict = is_laid_out ? commit_run(handle, &append.op, error) :
		STORE_TROUBLE;
	/* A group that was refused may show itself after a power cut: then its
	 * bodies must be there. The sweep finds those that nobody names. */
	if (verdict != STORE_OK && (!is_laid_out || verdict != STORE_TROUBLE ||
		error->code == ERROR_FULL))
		remove_bodies(handle->account->log, bodies, count);
	if (verdict != STORE_OK)
		memset(uids, 0, count * sizeof(*uids));
	arena_fini(&arena);
	return verdict;
}
