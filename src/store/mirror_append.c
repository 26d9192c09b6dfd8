/*
 * New messages in files of other programs: deliveries, APPEND, copies.
 *
 * A delivery is only appended to the file; the next one who looks gives it its
 * UID. Its transaction stands with the message where the format can keep it.
 * Elsewhere the log is told when the file has the message, so that a crash in
 * between may double a message but never loses one. While the first delivery of
 * a transaction is under way a second one waits for it.
 */
#include "store/mirror_folder.h"

#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"

struct mirror_delivery {
	const uint8_t *transaction;
	uint32_t mailbox;
	struct mirror_delivery *next;
};

/* ---- quota ---- */

static uint64_t
size_of(const struct store_message_new *message)
{
	uint64_t size = 0;
	for (size_t i = 0; i < message->piece_count; i++)
		size += message->piece[i].bytes.data != NULL ?
			message->piece[i].bytes.size : message->piece[i].size;
	return size;
}

/* Is there room for so many bytes more? Those that are in files and not in the
 * log yet count. */
static enum store_verdict
check_quota(struct mirror *mirror, struct mirror_folder *folder, uint64_t size,
	struct error *error)
{
	struct account *account = mirror->account;
	pthread_mutex_lock(&account->lock);
	uint64_t limit = account->quota_limit;
	pthread_mutex_unlock(&account->lock);
	if (limit == 0)
		return STORE_OK;
	if (!folder->is_followed) {	/* others may have filled it */
		enum store_verdict verdict = mirror_folder_begin(mirror, folder,
			MIRROR_PATIENCE, error);
		if (verdict != STORE_OK)
			return verdict;
		mirror->format->call->unlock(folder->files);
	}
	pthread_mutex_lock(&account->lock);
	uint64_t used = account->published.bytes + folder->pending;
	pthread_mutex_unlock(&account->lock);
	return size > limit || used > limit - size ? STORE_OVER_QUOTA :
		STORE_OK;
}

/* ---- into the file ---- */

/* UIDs of what was appended, which is the last with these keys. */
static void
find_uids(const struct mirror_folder *folder,
	uint8_t (*keys)[FORMAT_KEY_SIZE], size_t count, uint32_t *uids)
{
	size_t at = folder->scan.count;
	memset(uids, 0, count * sizeof(*uids));
	for (size_t i = count; i > 0; i--) {
		size_t back = at;
		while (back > 0 && memcmp(folder->scan.entry[back - 1].key,
			keys[i - 1], FORMAT_KEY_SIZE) != 0)
			back--;
		if (back == 0)
			continue;	/* taken away already */
		at = back - 1;
		uids[i - 1] = folder->uid[at];
	}
}

struct addition {
	const struct store_message_new *message;
	size_t count;
	uint64_t *email;		/* whose copies they are; NULL: new ones */
	uint32_t *uids;			/* NULL: a delivery */
};

/* The folder is locked, its files are not. */
static enum store_verdict
add(struct mirror *mirror, struct mirror_folder *folder,
	const struct addition *addition, struct error *error)
{
	const struct format_functions *call = mirror->format->call;
	size_t count = addition->count;
	if (call->lock(folder->files, clock_monotonic() + MIRROR_PATIENCE,
			error) < 0)
		return mirror_verdict(error);
	uint8_t (*keys)[FORMAT_KEY_SIZE] = memory_new_array(count + 1,
		sizeof(*keys));
	struct mirror_origin *origins = memory_new_array(count + 1,
		sizeof(*origins));
	enum store_verdict verdict = STORE_OK;
	if (call->append(folder->files, addition->message, count, keys,
			error) < 0)
		verdict = mirror_verdict(error);
	for (size_t i = 0; i < count && addition->email != NULL; i++) {
		memcpy(origins[i].key, keys[i], sizeof(origins[i].key));
		origins[i].email = addition->email[i];
	}
	if (verdict == STORE_OK && addition->uids != NULL) {
		folder->is_followed = false;
		if (call->scan(folder->files, &folder->scan, error) < 0)
			verdict = STORE_TROUBLE;
		else
			verdict = mirror_folder_follow(mirror, folder, origins,
				addition->email == NULL ? 0 : count, error);
	}
	if (verdict == STORE_OK && addition->uids != NULL)
		find_uids(folder, keys, count, addition->uids);
	call->unlock(folder->files);
	memory_free(keys);
	memory_free(origins);
	return verdict;
}

/* ---- deliveries ---- */

static bool
is_under_way(const struct mirror *mirror, const struct mirror_delivery *which)
{
	const struct mirror_delivery *each = mirror->delivering;
	for (; each != NULL; each = each->next)
		if (each->mailbox == which->mailbox && memcmp(each->transaction,
				which->transaction, STORE_TRANSACTION_SIZE) == 0)
			return true;
	return false;
}

static void
begin_delivery(struct mirror *mirror, struct mirror_delivery *delivery)
{
	pthread_mutex_lock(&mirror->table_lock);
	while (is_under_way(mirror, delivery))
		pthread_cond_wait(&mirror->delivered, &mirror->table_lock);
	delivery->next = mirror->delivering;
	mirror->delivering = delivery;
	pthread_mutex_unlock(&mirror->table_lock);
}

static void
end_delivery(struct mirror *mirror, struct mirror_delivery *delivery)
{
	struct mirror_delivery **link = &mirror->delivering;
	pthread_mutex_lock(&mirror->table_lock);
	while (*link != delivery)
		link = &(*link)->next;
	*link = delivery->next;
	pthread_cond_broadcast(&mirror->delivered);
	pthread_mutex_unlock(&mirror->table_lock);
}

/* The message is in the file, and that is what counts: without this line a
 * second delivery of it would only not be known. */
static void
note_delivered(const struct store_account *handle,
	const struct mirror_delivery *delivery)
{
	struct mirror *mirror = handle->account->mirror;
	struct error error = { .text = "" };
	pthread_mutex_lock(&mirror->table_lock);
	mirror_seen_put(&mirror->seen, delivery->mailbox,
		delivery->transaction, clock_wall() / 1000);
	pthread_mutex_unlock(&mirror->table_lock);
	if (mirror->format->call->delivered == NULL &&
	    op_delivered(handle, delivery->mailbox, delivery->transaction,
			&error) != STORE_OK)
		log_event(LOG_WARN, "transaction-not-kept", NULL,
			LOG_TEXT("reason", error.text));
}

/* What an earlier process delivered is known from the files, once. */
static enum store_verdict
learn_delivered(struct mirror *mirror, struct mirror_folder *folder,
	struct error *error)
{
	const struct format_functions *call = mirror->format->call;
	int64_t now = clock_wall() / 1000;
	struct buffer found;
	if (folder->is_delivered_known || call->delivered == NULL)
		return STORE_OK;
	buffer_init(&found, 0);
	int result = call->delivered(folder->files, now - MIRROR_SEEN_SECONDS,
		&found, error);
	pthread_mutex_lock(&mirror->table_lock);
	for (size_t i = 0; i < found.size; i += STORE_TRANSACTION_SIZE)
		mirror_seen_put(&mirror->seen, folder->mailbox,
			(const uint8_t *)found.data + i, now);
	pthread_mutex_unlock(&mirror->table_lock);
	folder->is_delivered_known = result == 0;
	buffer_fini(&found);
	return result < 0 ? STORE_TROUBLE : STORE_OK;
}

static enum store_verdict
check_seen(struct mirror *mirror, const struct mirror_delivery *delivery)
{
	pthread_mutex_lock(&mirror->table_lock);
	bool has = mirror_seen_has(&mirror->seen, delivery->mailbox,
		delivery->transaction);
	pthread_mutex_unlock(&mirror->table_lock);
	return has ? STORE_DUPLICATE : STORE_OK;
}

static enum store_verdict
deliver(const struct store_account *handle, uint32_t mailbox,
	const struct addition *addition, uint64_t size, struct error *error)
{
	struct mirror *mirror = handle->account->mirror;
	const uint8_t *transaction = addition->message[0].transaction;
	struct mirror_delivery delivery = { transaction, mailbox, NULL };
	struct mirror_folder *folder = NULL;
	begin_delivery(mirror, &delivery);
	enum store_verdict verdict = op_is_delivered(handle, mailbox,
		transaction, error);
	if (verdict == STORE_OK)
		verdict = mirror_folder_lock(mirror, mailbox, &folder, error);
	if (verdict == STORE_OK)
		verdict = learn_delivered(mirror, folder, error);
	if (verdict == STORE_OK)
		verdict = check_seen(mirror, &delivery);
	if (verdict == STORE_OK)
		verdict = check_quota(mirror, folder, size, error);
	if (verdict == STORE_OK)
		verdict = add(mirror, folder, addition, error);
	if (verdict == STORE_OK)
		folder->pending += size;
	mirror_folder_unlock(mirror, &folder);
	if (verdict == STORE_OK)
		note_delivered(handle, &delivery);
	end_delivery(mirror, &delivery);
	return verdict;
}

/* ---- the door ---- */

/* Each message with its own pieces. */
static const struct store_message_new *
with_pieces(const struct store_message_new *messages, size_t count,
	struct arena *arena)
{
	struct store_message_new *copy = arena_new_array(arena, count,
		sizeof(*copy));
	for (size_t i = 0; i < count; i++) {
		copy[i] = messages[i];
		if (!messages[i].shares_body || i == 0)
			continue;
		copy[i].piece = copy[i - 1].piece;
		copy[i].piece_count = copy[i - 1].piece_count;
		copy[i].shares_body = false;
	}
	return copy;
}

enum store_verdict
mirror_append(const struct store_account *handle, uint32_t mailbox,
	const struct store_message_new *messages, size_t count,
	uint32_t *uids, struct error *error)
{
	struct mirror *mirror = handle->account->mirror;
	struct mirror_folder *folder;
	struct arena arena;
	uint64_t size = 0;
	memset(uids, 0, count * sizeof(*uids));
	if (count == 0)
		return STORE_OK;
	arena_init(&arena, 0);
	struct addition addition = { .message = with_pieces(messages, count,
		&arena), .count = count };
	for (size_t i = 0; i < count; i++)
		size += size_of(&addition.message[i]);
	enum store_verdict verdict;
	if (messages[0].transaction != NULL) {
		verdict = deliver(handle, mailbox, &addition, size, error);
		arena_fini(&arena);
		return verdict;
	}
	addition.uids = uids;
	verdict = mirror_folder_lock(mirror, mailbox, &folder, error);
	if (verdict == STORE_OK)
		verdict = check_quota(mirror, folder, size, error);
	if (verdict == STORE_OK)
		verdict = add(mirror, folder, &addition, error);
	mirror_folder_unlock(mirror, &folder);
	arena_fini(&arena);
	return verdict;
}

/* ---- copies ---- */

/* What is copied: read from one folder, kept in a file of our own meanwhile, so
 * that it may be large and is appended as a whole. */
struct haul {
	struct arena arena;
	int spill;
	uint64_t size;
	struct store_message_new *message;
	uint64_t *email;
	uint32_t *from, *to;
	size_t count;
	struct tree *tree;		/* names of keywords */
	struct index *index;
};

static int
open_spill(const struct account *account, struct error *error)
{
	int directory = log_cache_directory(account->log);
	return directory < 0 ? file_open_memory("copy", span_of(NULL, 0),
		error) : file_open_spill(directory, error);
}

static void
name_keywords(struct haul *haul, uint64_t flags, struct store_flags *out)
{
	const struct keywords *keywords = haul->tree->keywords;
	size_t count = keywords == NULL ? 0 : keywords->count;
	struct span *name = arena_new_array(&haul->arena,
		STORE_KEYWORD_LIMIT, sizeof(*name));
	out->system = (uint32_t)(flags & OP_SYSTEM_FLAGS);
	out->keyword = name;
	for (size_t i = 0; i < count; i++)
		if ((flags >> (STORE_KEYWORD_SHIFT + i) & 1) != 0)
			name[out->keyword_count++] = keywords->name[i];
}

static enum store_verdict
load_one(struct mirror *mirror, struct mirror_folder *folder,
	struct haul *haul, const struct slot *slot, struct error *error)
{
	const struct store_message message = { .uid = slot->uid,
		.segment = slot->segment, .offset = slot->offset,
		.size = slot->size, .mailbox = folder->mailbox };
	struct buffer body;
	buffer_init(&body, slot->size + 1);
	enum store_verdict verdict = mirror_body_read(mirror, folder, &message,
		&body, error);
	if (verdict == STORE_OK && file_write_all(haul->spill,
			buffer_span(&body), error) < 0)
		verdict = STORE_TROUBLE;
	buffer_fini(&body);
	if (verdict != STORE_OK)
		return verdict == STORE_NO_MESSAGE ? STORE_OK : verdict;
	struct store_piece *piece = arena_new(&haul->arena, sizeof(*piece));
	*piece = (struct store_piece){ .fd = haul->spill,
		.offset = haul->size, .size = slot->size };
	struct store_message_new *new = &haul->message[haul->count];
	*new = (struct store_message_new){ .internal_date = slot->date,
		.zone = slot->zone, .piece = piece, .piece_count = 1 };
	name_keywords(haul, slot->flags, &new->flags);
	haul->email[haul->count] = slot->email;
	haul->from[haul->count++] = slot->uid;
	haul->size += slot->size;
	return STORE_OK;
}

static enum store_verdict
load(const struct store_account *handle, struct mirror_folder *folder,
	const struct number_set *uids, struct haul *haul, struct error *error)
{
	struct mirror *mirror = handle->account->mirror;
	struct walk walk;
	struct slot slot;
	enum store_verdict verdict = mirror_folder_begin(mirror, folder,
		MIRROR_PATIENCE, error);
	if (verdict != STORE_OK)
		return verdict;
	mirror->format->call->unlock(folder->files);
	verdict = account_tree_get(handle, folder->mailbox, &haul->index,
		&haul->tree, error);
	if (verdict != STORE_OK)
		return verdict;
	size_t most = haul->tree->total.there;
	haul->message = arena_new_array(&haul->arena, most + 1,
		sizeof(*haul->message));
	haul->email = arena_new_array(&haul->arena, most + 1,
		sizeof(*haul->email));
	haul->from = arena_new_array(&haul->arena, most + 1,
		sizeof(*haul->from));
	haul->to = arena_new_array(&haul->arena, most + 1, sizeof(*haul->to));
	haul->spill = open_spill(handle->account, error);
	if (haul->spill < 0)
		return STORE_TROUBLE;
	walk_init(&walk, haul->index, haul->tree, uids);
	while (verdict == STORE_OK && haul->count < most &&
	    walk_next(&walk, &slot))
		verdict = load_one(mirror, folder, haul, &slot, error);
	walk_fini(&walk);
	return verdict;
}

static void
tell_pairs(const struct mirror_copy *copy, const struct haul *haul)
{
	uint32_t before = 0;
	for (size_t i = 0; i < haul->count; i++) {
		if (haul->to[i] <= before)
			return;		/* not in order: say nothing */
		before = haul->to[i];
	}
	for (size_t i = 0; i < haul->count; i++) {
		if (copy->from_uids != NULL)
			number_set_add(copy->from_uids, haul->from[i],
				haul->from[i]);
		if (copy->to_uids != NULL)
			number_set_add(copy->to_uids, haul->to[i], haul->to[i]);
	}
}

static enum store_verdict
remove_moved(const struct store_account *handle, struct mirror_folder *folder,
	const struct haul *haul, struct error *error)
{
	struct number_set uids;
	number_set_init(&uids);
	for (size_t i = 0; i < haul->count; i++)
		number_set_add(&uids, haul->from[i], haul->from[i]);
	enum store_verdict verdict = mirror_folder_remove(handle, folder, &uids,
		error);
	number_set_fini(&uids);
	return verdict;
}

static enum store_verdict
copy_between(const struct store_account *handle,
	const struct mirror_copy *copy, struct mirror_folder *from,
	struct mirror_folder *to, struct error *error)
{
	struct mirror *mirror = handle->account->mirror;
	struct haul haul = { .spill = -1 };
	arena_init(&haul.arena, 0);
	enum store_verdict verdict = load(handle, from, copy->uids, &haul,
		error);
	if (verdict == STORE_OK && haul.count > 0 && !copy->is_move)
		verdict = check_quota(mirror, to, haul.size, error);
	if (verdict == STORE_OK && haul.count > 0)
		verdict = add(mirror, to, &(struct addition){ haul.message,
			haul.count, haul.email, haul.to }, error);
	if (verdict == STORE_OK && haul.count > 0) {
		tell_pairs(copy, &haul);
		if (copy->is_move)
			verdict = remove_moved(handle, from, &haul, error);
	}
	tree_free(&haul.tree);
	if (haul.index != NULL)
		index_free(&haul.index);
	file_close(&haul.spill);
	arena_fini(&haul.arena);
	return verdict;
}

enum store_verdict
mirror_copy(const struct store_account *handle,
	const struct mirror_copy *copy, struct error *error)
{
	struct mirror *mirror = handle->account->mirror;
	struct mirror_folder *low = NULL, *high = NULL;
	bool is_up = copy->from < copy->to;
	enum store_verdict verdict = mirror_folder_lock(mirror,
		is_up ? copy->from : copy->to, &low, error);
	if (verdict == STORE_OK && copy->from != copy->to)
		verdict = mirror_folder_lock(mirror,
			is_up ? copy->to : copy->from, &high, error);
	if (verdict == STORE_OK && high == NULL)
		verdict = copy_between(handle, copy, low, low, error);
	else if (verdict == STORE_OK)
		verdict = copy_between(handle, copy, is_up ? low : high,
			is_up ? high : low, error);
	mirror_folder_unlock(mirror, &high);
	mirror_folder_unlock(mirror, &low);
	return verdict;
}
