/*
 * Following: a mailbox, the list, and handing out bodies, which are read from
 * the files and served from memory.
 */
#include "store/mirror_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/name.h"
#include "store/store_inner.h"

/* ---- a mailbox ---- */

bool
mirror_is_untouched(const struct mirror *mirror, uint32_t id)
{
	struct account *account = mirror->account;
	pthread_mutex_lock(&account->lock);
	const struct mailbox *mailbox = account_mailbox(account, id);
	bool is_untouched = mailbox != NULL && mailbox->published.is_there &&
		mailbox->published.uid_next <= 1;
	pthread_mutex_unlock(&account->lock);
	return is_untouched;
}

static void
watch(struct mirror *mirror, struct mirror_folder *folder)
{
	const char *path[FORMAT_PATH_LIMIT];
	size_t count = mirror->format->call->paths(folder->files, path);
	mirror_watch(mirror->account->store->watcher, &folder->sight, path,
		count);
}

static enum store_verdict
follow(struct mirror *mirror, uint32_t mailbox, struct error *error)
{
	const struct format_functions *call = mirror->format->call;
	struct mirror_folder *folder;
	enum store_verdict verdict = mirror_folder_lock(mirror, mailbox,
		&folder, error);
	if (verdict != STORE_OK)
		return verdict;
	watch(mirror, folder);
	if (!folder->is_followed || call->has_changed(folder->files)) {
		verdict = mirror_folder_begin(mirror, folder,
			MIRROR_READ_PATIENCE, error);
		if (verdict == STORE_OK)
			call->unlock(folder->files);
		if (verdict == STORE_OK)
			mirror_cache_note(mirror, folder);
	}
	mirror_folder_unlock(mirror, &folder);
	return verdict;
}

enum store_verdict
mirror_follow(struct mirror *mirror, uint32_t mailbox, struct error *error)
{
	enum store_verdict verdict = follow(mirror, mailbox, error);
	/* Its file is not there any more, and perhaps others are not. */
	if (verdict == STORE_NO_MAILBOX) {
		mirror_folder_forget(mirror);
		if (mirror_follow_list(mirror, error) == STORE_OK)
			verdict = follow(mirror, mailbox, error);
	}
	return verdict == STORE_TROUBLE && (error->code == ERROR_LATER ||
		error->code == ERROR_TIMEOUT) &&
		!mirror_is_untouched(mirror, mailbox) ? STORE_OK : verdict;
}

/* ---- the list ---- */

static int
compare_spans(const void *left, const void *right)
{
	const struct span *a = left, *b = right;
	return span_compare(*a, *b);
}

/* Those in the store's form; others cannot be named by a client. Sorted. */
static size_t
keep_good_names(struct span *names, size_t count, struct arena *arena)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		struct span normal;
		if (name_normalise(names[i], arena, &normal) &&
		    span_equals(normal, names[i]))
			names[kept++] = names[i];
	}
	if (kept > 0)
		qsort(names, kept, sizeof(*names), compare_spans);
	return kept;
}

static int
read_list(struct mirror *mirror, struct arena *arena,
	struct follow_list *list, struct error *error)
{
	const struct format_functions *call = mirror->format->call;
	struct format_name *found;
	struct span *subscribed;
	size_t count, names = 0;
	if (call->list(mirror->format, arena, &found, &count, error) < 0 ||
	    call->subscriptions(mirror->format, arena, &subscribed,
			&list->subscribed_count, error) < 0)
		return -1;
	struct span *name = arena_new_array(arena, count + 1, sizeof(*name));
	for (size_t i = 0; i < count; i++)
		if (!found[i].is_name_only)
			name[names++] = found[i].name;
	list->name = name;
	list->name_count = keep_good_names(name, names, arena);
	list->subscribed = subscribed;
	list->subscribed_count = keep_good_names(subscribed,
		list->subscribed_count, arena);
	return 0;
}

enum store_verdict
mirror_names_follow(struct mirror *mirror, struct span new_name, unsigned use,
	struct error *error)
{
	struct follow_list list = { .new_name = new_name, .use = use };
	struct arena arena;
	enum store_verdict verdict;
	arena_init(&arena, 0);
	if (read_list(mirror, &arena, &list, error) == 0)
		verdict = op_follow_list(mirror->account, &list, error);
	else	/* a root that is not there says nothing */
		verdict = error->code == ERROR_GONE ? STORE_OK : STORE_TROUBLE;
	arena_fini(&arena);
	return verdict;
}

enum store_verdict
mirror_follow_list(struct mirror *mirror, struct error *error)
{
	pthread_mutex_lock(&mirror->list_lock);
	enum store_verdict verdict = mirror_names_follow(mirror,
		span_of(NULL, 0), 0, error);
	pthread_mutex_unlock(&mirror->list_lock);
	return verdict;
}

/* ---- bodies ---- */

static bool
is_same_body(const struct mirror_folder *folder, size_t at,
	const struct store_message *message)
{
	struct slot slot;
	if (at == folder->scan.count)
		return false;
	slot_set_key(&slot, folder->scan.entry[at].key);
	return slot.segment == message->segment &&
		slot.offset == message->offset;
}

/* All of the body, or its beginning: `head` bytes, where the format can. */
static enum store_verdict
read_body(struct mirror *mirror, struct mirror_folder *folder,
	const struct store_message *message, size_t head, struct buffer *out,
	struct error *error)
{
	const struct format_functions *call = mirror->format->call;
	const struct format_scan *scan = &folder->scan;
	/* Twice: it may have been put elsewhere since the last scan. */
	for (int i = 0; i < 2; i++) {
		size_t at = folder->is_followed ? mirror_folder_find(folder,
			message->uid) : scan->count;
		bool is_there = is_same_body(folder, at, message);
		buffer_clear(out);
		if (is_there && (head < message->size && call->read_head != NULL ?
				call->read_head(folder->files, &scan->entry[at],
				head, out, error) : call->read(folder->files,
				&scan->entry[at], out, error)) == 0)
			return STORE_OK;
		if (is_there && error->code != ERROR_GONE)
			return STORE_TROUBLE;
		if (i > 0)
			break;
		folder->is_followed = false;
		enum store_verdict verdict = mirror_folder_begin(mirror, folder,
			MIRROR_PATIENCE, error);
		if (verdict != STORE_OK)
			return verdict;
		call->unlock(folder->files);
	}
	return STORE_NO_MESSAGE;
}

enum store_verdict
mirror_body_read(struct mirror *mirror, struct mirror_folder *folder,
	const struct store_message *message, struct buffer *out,
	struct error *error)
{
	enum store_verdict verdict = read_body(mirror, folder, message,
		SIZE_MAX, out, error);
	if (verdict != STORE_OK || (!buffer_is_overrun(out) &&
	    out->size == message->size))
		return verdict;
	error_set(error, ERROR_DAMAGED, "a message of %llu bytes has another "
		"size now", (unsigned long long)message->size);
	return STORE_TROUBLE;
}

/* The folder of a message; without it there is no message. */
static enum store_verdict
lock_folder_of(struct mirror *mirror, const struct store_message *message,
	struct mirror_folder **folder, struct error *error)
{
	enum store_verdict verdict = mirror_folder_lock(mirror,
		message->mailbox, folder, error);
	return verdict == STORE_NO_MAILBOX ? STORE_NO_MESSAGE : verdict;
}

enum store_verdict
mirror_body(const struct store_account *handle,
	const struct store_message *message, struct buffer *out,
	struct error *error)
{
	struct mirror *mirror = handle->account->mirror;
	struct mirror_folder *folder;
	enum store_verdict verdict = lock_folder_of(mirror, message, &folder,
		error);
	if (verdict != STORE_OK)
		return verdict;
	verdict = mirror_body_read(mirror, folder, message, out, error);
	mirror_folder_unlock(mirror, &folder);
	return verdict;
}

enum store_verdict
mirror_head(const struct store_account *handle,
	const struct store_message *message, size_t size, struct buffer *out,
	struct error *error)
{
	struct mirror *mirror = handle->account->mirror;
	struct mirror_folder *folder;
	enum store_verdict verdict = lock_folder_of(mirror, message, &folder,
		error);
	if (verdict != STORE_OK)
		return verdict;
	verdict = read_body(mirror, folder, message, size, out, error);
	mirror_folder_unlock(mirror, &folder);
	return verdict;
}
