/*
 * Bodies, and what is kept beside messages: annotations, cached values, counts
 * for STATUS, what is \Recent.
 */
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "store/block.h"
#include "store/mirror.h"
#include "store/store_inner.h"
#include "store/view.h"
#include "store/walk.h"

/* ---- bodies ---- */

struct body_pin {
	struct engine *engine;		/* NULL: only bytes */
	struct engine_pin pin;
	struct buffer bytes;
};

/* The segment of a message in an old view is gone: was it compacted? */
static bool
has_moved(struct store_account *handle, const struct store_message *message,
	struct log_position *position)
{
	struct index *index;
	struct tree *tree;
	struct slot slot;
	struct error ignored;
	if (account_tree_get(handle, message->mailbox, &index, &tree,
			&ignored) != STORE_OK)
		return false;
	bool is_elsewhere = walk_find(index, tree, message->uid, &slot) &&
		slot.email == message->email && slot.segment != 0 &&
		(slot.segment != position->segment ||
		slot.offset != position->offset);
	if (is_elsewhere)
		*position = (struct log_position){ slot.segment, slot.offset };
	tree_free(&tree);
	index_free(&index);
	return is_elsewhere;
}

static int
pin_body(struct store_account *handle, const struct store_message *message,
	struct engine_pin *pin, struct error *error)
{
	struct log_position position = { message->segment, message->offset };
	int result;
	do
		result = log_pin(handle->account->log, position, pin, error);
	while (result < 0 && error->code == ERROR_GONE &&
	    has_moved(handle, message, &position));
	return result;
}

/* In a file of other programs, which may change: a copy. */
static enum store_verdict
open_elsewhere(struct store_account *handle,
	const struct store_message *message, struct store_body *body,
	struct error *error)
{
	if (handle->account->mirror == NULL)
		return STORE_NO_MESSAGE;
	struct body_pin *pinned = memory_new(sizeof(*pinned));
	buffer_init(&pinned->bytes, message->size + 1);
	body->size = message->size;
	body->pinned = pinned;
	enum store_verdict verdict = mirror_body(handle, message,
		&pinned->bytes, error);
	body->memory = buffer_string(&pinned->bytes);
	if (verdict != STORE_OK)
		store_body_close(body);
	return verdict;
}

enum store_verdict
store_body_open(struct store_account *handle,
	const struct store_message *message, struct store_body *body,
	struct error *error)
{
	struct account *account = handle->account;
	*body = (struct store_body){ .fd = -1 };
	if (!account_allows(handle))
		return STORE_DENIED;
	if (message->segment == 0)
		return STORE_NO_MESSAGE;
	if (slot_is_elsewhere(message->segment))
		return open_elsewhere(handle, message, body, error);
	struct body_pin *pinned = memory_new(sizeof(*pinned));
	pinned->engine = account->store->engine;
	if (pin_body(handle, message, &pinned->pin, error) < 0) {
		memory_free(pinned);
		return error->code == ERROR_GONE ? STORE_NO_MESSAGE :
			STORE_TROUBLE;
	}
	body->fd = pinned->pin.fd;
	body->offset = pinned->pin.offset;
	body->size = message->size;
	body->pinned = pinned;
	if (pinned->pin.size >= message->size)
		return STORE_OK;
	store_body_close(body);
	error_set(error, ERROR_DAMAGED,
		"message %llu of account %016llx is cut short",
		(unsigned long long)message->email,
		(unsigned long long)account->id);
	return STORE_TROUBLE;
}

int
store_body_read(const struct store_body *body, uint64_t at, void *out,
	size_t size, struct error *error)
{
	if (at > body->size || size > body->size - at)
		return error_set(error, ERROR_DAMAGED,
			"a body of %llu bytes has no %zu at %llu",
			(unsigned long long)body->size, size,
			(unsigned long long)at);
	if (body->memory == NULL)
		return file_read_at(body->fd, out, size, body->offset + at,
			error);
	if (size > 0)
		memcpy(out, body->memory + at, size);
	return 0;
}

void
store_body_close(struct store_body *body)
{
	struct body_pin *pinned = body->pinned;
	if (pinned != NULL && pinned->engine != NULL)
		pinned->engine->call->unpin(&pinned->pin);
	else if (pinned != NULL)
		buffer_fini(&pinned->bytes);
	memory_free(pinned);
	*body = (struct store_body){ .fd = -1 };
}

enum store_verdict
store_body_head(struct store_account *handle,
	const struct store_message *message, size_t size, struct buffer *out,
	struct error *error)
{
	struct store_body body;
	if (handle->account->mirror != NULL && account_allows(handle) &&
	    slot_is_elsewhere(message->segment))
		return mirror_head(handle, message, size, out, error);
	enum store_verdict verdict = store_body_open(handle, message, &body,
		error);
	if (verdict != STORE_OK)
		return verdict;
	if (size > body.size)
		size = (size_t)body.size;
	buffer_reserve(out, size);
	if (store_body_read(&body, 0, out->data + out->size, size, error) < 0)
		verdict = STORE_TROUBLE;
	else
		out->size += size;
	store_body_close(&body);
	return verdict;
}

/* ---- annotations ---- */

enum store_verdict
store_annotation(struct store_account *handle, uint32_t mailbox, uint32_t uid,
	struct arena *arena, struct span *annotation, struct error *error)
{
	struct index *index;
	struct tree *tree;
	struct slot slot;
	struct buffer bytes;
	bool found = false;
	*annotation = span_of(NULL, 0);
	enum store_verdict verdict = account_tree_get(handle, mailbox, &index,
		&tree, error);
	if (verdict != STORE_OK)
		return verdict;
	buffer_init(&bytes, 0);
	if (!walk_find(index, tree, uid, &slot))
		verdict = STORE_NO_MESSAGE;
	else
		index_annotation_get(index, mailbox, uid, &bytes, &found);
	if (atomic_load(&index->is_broken)) {
		verdict = STORE_TROUBLE;
		error_set(error, ERROR_LATER,
			"the index is damaged and is being made again");
	}
	if (verdict == STORE_OK && found)
		*annotation = arena_copy(arena, buffer_span(&bytes));
	buffer_fini(&bytes);
	tree_free(&tree);
	index_free(&index);
	return verdict;
}

/* ---- cached values ---- */

enum { CACHE_KINDS = 4 };

bool
store_cache_get(struct store_account *handle, uint64_t email,
	enum store_cache kind, struct arena *arena, struct span *bytes)
{
	struct index *index;
	struct error error;
	struct buffer found;
	if (account_tree_get(handle, 0, &index, NULL, &error) != STORE_OK)
		return false;
	buffer_init(&found, 0);
	bool is_there = index_cache_get(index, email * CACHE_KINDS + kind,
		&found);
	if (is_there)
		*bytes = arena_copy(arena, buffer_span(&found));
	buffer_fini(&found);
	index_free(&index);
	return is_there;
}

void
store_cache_put(struct store_account *handle, uint64_t email,
	enum store_cache kind, struct span bytes)
{
	struct index *index;
	struct error error;
	if (account_tree_get(handle, 0, &index, NULL, &error) != STORE_OK)
		return;
	index_cache_put(index, email * CACHE_KINDS + kind, bytes);
	store_note_dirty(handle->account, index);
	index_free(&index);
}

/* ---- files of other programs ---- */

void
store_mailbox_refresh(struct store_account *handle, uint32_t mailbox)
{
	struct error ignored;	/* who opens a view is told */
	if (handle->account->mirror != NULL && account_allows(handle))
		mirror_follow(handle->account->mirror, mailbox, &ignored);
}

bool
store_has_files(const struct store *store)
{
	return store->format != NULL;
}

/* ---- counts ---- */

/* Messages with a UID from this one on. */
static uint32_t
count_from(struct index *index, const struct tree *tree, uint32_t uid)
{
	struct tree_at at;
	if (uid >= tree->uid_next || !tree_seek(tree, uid, &at))
		return 0;
	struct node *node = tree_node(tree, at);
	const struct block *block = index_pin(index, node);
	if (block == NULL)
		return 0;
	uint32_t before = tree_before(tree, at) + block_rank(block->there,
		block_find(block, node->base, uid));
	index_unpin(index, node);
	return tree->total.there - before;
}

static uint32_t
recent_of(struct account *account, uint32_t id)
{
	pthread_mutex_lock(&account->lock);
	const struct mailbox *mailbox = account_mailbox(account, id);
	uint32_t recent = mailbox == NULL ? UINT32_MAX : mailbox->recent;
	pthread_mutex_unlock(&account->lock);
	return recent;
}

enum store_verdict
store_mailbox_status(struct store_account *handle, uint32_t mailbox,
	struct store_status *status, struct error *error)
{
	struct mirror *mirror = handle->account->mirror;
	struct index *index;
	struct tree *tree;
	enum store_verdict verdict = STORE_OK;
	if (mirror != NULL && account_allows(handle))
		verdict = mirror_follow(mirror, mailbox, error);
	if (verdict == STORE_OK)
		verdict = account_tree_get(handle, mailbox, &index, &tree,
			error);
	if (verdict != STORE_OK)
		return verdict;
	*status = (struct store_status){
		.messages = tree->total.there,
		.unseen = tree->total.unseen,
		.deleted = tree->total.deleted,
		.recent = count_from(index, tree,
			recent_of(handle->account, mailbox)),
		.size = tree->total.size,
		.deleted_size = tree->total.deleted_size,
	};
	tree_free(&tree);
	index_free(&index);
	return STORE_OK;
}

enum store_verdict
store_recent(struct store_account *handle, uint32_t id, bool claim,
	uint32_t *first, struct error *error)
{
	struct account *account = handle->account;
	struct index *index;
	enum store_verdict verdict = account_tree_get(handle, 0, &index, NULL,
		error);
	if (verdict != STORE_OK)
		return verdict;
	pthread_mutex_lock(&account->lock);
	struct mailbox *mailbox = account_mailbox(account, id);
	if (mailbox == NULL || !mailbox->published.is_there)
		mailbox = NULL;
	*first = mailbox == NULL ? 0 : mailbox->recent;
	uint32_t next = mailbox == NULL ? 0 : mailbox->published.uid_next;
	bool is_new = mailbox != NULL && claim && mailbox->recent < next;
	if (is_new)
		mailbox->recent = next;
	pthread_mutex_unlock(&account->lock);
	if (is_new) {
		pthread_mutex_lock(&index->dirty_lock);
		index_dirty_recent(index->dirty, id, next);
		pthread_mutex_unlock(&index->dirty_lock);
		store_note_dirty(account, index);
	}
	index_free(&index);
	return mailbox == NULL ? STORE_NO_MAILBOX : STORE_OK;
}
