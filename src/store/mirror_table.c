/*
 * The folders of a mirror that are open. A folder that nobody uses stays open
 * for the next one, up to a number; then the one used longest ago is closed.
 */
#include "store/mirror_folder.h"

#include <assert.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/mirror_cache.h"
#include "store/store_inner.h"

enum { IDLE_LIMIT = 32 };

enum store_verdict
mirror_verdict(const struct error *error)
{
	switch (error->code) {
	case ERROR_GONE:
		return STORE_NO_MAILBOX;
	case ERROR_EXISTS:
		return STORE_EXISTS;
	case ERROR_REFUSED:
		return STORE_DENIED;
	case ERROR_USAGE:
		return STORE_TOO_MANY;
	default:
		return STORE_TROUBLE;
	}
}

/* ---- the table ---- */

static struct mirror_folder *
get(struct mirror *mirror, uint32_t mailbox)
{
	struct mirror_folder **link = &mirror->folder, *folder;
	pthread_mutex_lock(&mirror->table_lock);
	while (*link != NULL && (*link)->mailbox != mailbox)
		link = &(*link)->next;
	folder = *link;
	if (folder != NULL) {
		*link = folder->next;
	} else {
		folder = memory_new(sizeof(*folder));
		folder->mailbox = mailbox;
		folder->sight.account = mirror->account->id;
		folder->sight.mailbox = mailbox;
		pthread_mutex_init(&folder->lock, NULL);
		mirror->count++;
	}
	folder->next = mirror->folder;
	mirror->folder = folder;
	folder->users++;
	pthread_mutex_unlock(&mirror->table_lock);
	return folder;
}

static void
close_files(struct mirror *mirror, struct mirror_folder *folder)
{
	mirror_watch_end(mirror->account->store->watcher, &folder->sight);
	if (folder->files != NULL)
		mirror->format->call->close(&folder->files);
	memory_free(folder->uid);
	memory_free(folder->by_uid);
	folder->uid = folder->by_uid = NULL;
	folder->scan = (struct format_scan){ .count = 0 };
	folder->known = 0;
	folder->is_followed = false;
}

static void
free_folder(struct mirror *mirror, struct mirror_folder *folder)
{
	assert(folder->users == 0);
	mirror_cache_save(mirror, folder);
	close_files(mirror, folder);
	pthread_mutex_destroy(&folder->lock);
	memory_free(folder);
}

/* Takes the one used longest ago out of the table; NULL: there are not too
 * many. The table's lock is held. */
static struct mirror_folder *
take_idle(struct mirror *mirror)
{
	struct mirror_folder **link = &mirror->folder, **oldest = NULL;
	if (mirror->count <= IDLE_LIMIT)
		return NULL;
	for (; *link != NULL; link = &(*link)->next)
		if ((*link)->users == 0)
			oldest = link;
	if (oldest == NULL)
		return NULL;
	struct mirror_folder *folder = *oldest;
	*oldest = folder->next;
	mirror->count--;
	return folder;
}

static void
put(struct mirror *mirror, struct mirror_folder *folder)
{
	pthread_mutex_lock(&mirror->table_lock);
	folder->users--;
	struct mirror_folder *idle = take_idle(mirror);
	pthread_mutex_unlock(&mirror->table_lock);
	if (idle != NULL)
		free_folder(mirror, idle);
}

/* ---- one of them ---- */

/* The name that the log has for it. */
static bool
get_name(struct account *account, uint32_t id, struct arena *arena,
	struct span *name)
{
	pthread_mutex_lock(&account->lock);
	const struct mailbox *mailbox = account_mailbox(account, id);
	bool is_there = mailbox != NULL && mailbox->published.is_there &&
		!mailbox->published.is_name_only;
	if (is_there)
		*name = arena_copy(arena, mailbox->published.name);
	pthread_mutex_unlock(&account->lock);
	return is_there;
}

static enum store_verdict
open_files(struct mirror *mirror, struct mirror_folder *folder,
	struct error *error)
{
	struct arena arena;
	struct span name;
	enum store_verdict verdict = STORE_OK;
	arena_init(&arena, 0);
	if (!get_name(mirror->account, folder->mailbox, &arena, &name)) {
		verdict = STORE_NO_MAILBOX;
	} else if (mirror->format->call->open(mirror->format, name,
			&folder->files, error) < 0) {
		folder->files = NULL;
		verdict = mirror_verdict(error);
	} else {
		mirror_cache_load(mirror, folder);
	}
	if (verdict == STORE_DENIED)
		log_event(LOG_WARN, "folder-refused", NULL,
			LOG_SPAN("mailbox", name),
			LOG_TEXT("reason", error->text));
	arena_fini(&arena);
	return verdict;
}

enum store_verdict
mirror_folder_lock(struct mirror *mirror, uint32_t mailbox,
	struct mirror_folder **folder, struct error *error)
{
	*folder = get(mirror, mailbox);
	pthread_mutex_lock(&(*folder)->lock);
	enum store_verdict verdict = (*folder)->files != NULL ? STORE_OK :
		open_files(mirror, *folder, error);
	if (verdict != STORE_OK)
		mirror_folder_unlock(mirror, folder);
	return verdict;
}

void
mirror_folder_unlock(struct mirror *mirror, struct mirror_folder **folder)
{
	if (*folder == NULL)
		return;
	pthread_mutex_unlock(&(*folder)->lock);
	put(mirror, *folder);
	*folder = NULL;
}

void
mirror_folder_forget(struct mirror *mirror)
{
	uint32_t last = 0;
	for (;;) {
		struct mirror_folder *next = NULL;
		pthread_mutex_lock(&mirror->table_lock);
		for (struct mirror_folder *each = mirror->folder; each != NULL;
		    each = each->next)
			if (each->mailbox > last && (next == NULL ||
			    each->mailbox < next->mailbox))
				next = each;
		if (next != NULL)
			next->users++;
		pthread_mutex_unlock(&mirror->table_lock);
		if (next == NULL)
			return;
		last = next->mailbox;
		pthread_mutex_lock(&next->lock);
		mirror_cache_save(mirror, next);
		close_files(mirror, next);
		pthread_mutex_unlock(&next->lock);
		put(mirror, next);
	}
}

/* ---- the mirror ---- */

struct mirror *
mirror_new(struct account *account, struct format *format)
{
	struct mirror *mirror = memory_new(sizeof(*mirror));
	mirror->account = account;
	mirror->format = format;
	pthread_mutex_init(&mirror->list_lock, NULL);
	pthread_mutex_init(&mirror->table_lock, NULL);
	pthread_cond_init(&mirror->delivered, NULL);
	mirror_seen_init(&mirror->seen);
	return mirror;
}

void
mirror_free(struct mirror **mirror)
{
	struct mirror *old = *mirror;
	*mirror = NULL;
	if (old == NULL)
		return;
	while (old->folder != NULL) {
		struct mirror_folder *folder = old->folder;
		old->folder = folder->next;
		free_folder(old, folder);
	}
	assert(old->delivering == NULL);
	pthread_mutex_destroy(&old->list_lock);
	pthread_mutex_destroy(&old->table_lock);
	pthread_cond_destroy(&old->delivered);
	mirror_seen_fini(&old->seen);
	memory_free(old);
}
