/*
 * Making, deleting, renaming and subscribing folders in files of other
 * programs: the files first, then the log takes over what is there now.
 */
#include "base/log.h"
#include "store/mirror_cache.h"
#include "store/name.h"

/* A mailbox of the log that holds messages; 0: there is none. */
static uint32_t
find(struct mirror *mirror, struct span name)
{
	struct account *account = mirror->account;
	uint32_t id = 0;
	pthread_mutex_lock(&account->lock);
	for (size_t i = 0; i < account->mailbox_count; i++) {
		const struct mailbox *mailbox = account->mailbox[i];
		if (mailbox->published.is_there &&
		    !mailbox->published.is_name_only &&
		    span_equals(mailbox->published.name, name))
			id = mailbox->id;
	}
	pthread_mutex_unlock(&account->lock);
	return id;
}

static enum store_verdict
follow_list(struct mirror *mirror, struct error *error)
{
	return mirror_names_follow(mirror, span_of(NULL, 0), 0, error);
}

/* ---- create ---- */

static enum store_verdict
create(struct mirror *mirror, struct span name, unsigned use,
	struct error *error)
{
	enum store_verdict verdict = follow_list(mirror, error);
	if (verdict != STORE_OK)
		return verdict;
	if (find(mirror, name) != 0)
		return STORE_EXISTS;
	if (mirror->format->call->create(mirror->format, name, error) < 0 &&
	    error->code != ERROR_EXISTS)
		return mirror_verdict(error) == STORE_NO_MAILBOX ?
			STORE_TROUBLE : mirror_verdict(error);
	return mirror_names_follow(mirror, name, use, error);
}

enum store_verdict
mirror_create(const struct store_account *handle, struct span name,
	unsigned use, struct error *error)
{
	struct mirror *mirror = handle->account->mirror;
	pthread_mutex_lock(&mirror->list_lock);
	enum store_verdict verdict = create(mirror, name, use, error);
	pthread_mutex_unlock(&mirror->list_lock);
	return verdict;
}

/* ---- delete ---- */

enum store_verdict
mirror_delete(const struct store_account *handle, struct span name,
	struct error *error)
{
	struct mirror *mirror = handle->account->mirror;
	pthread_mutex_lock(&mirror->list_lock);
	enum store_verdict verdict = follow_list(mirror, error);
	/* What cannot be deleted the log refuses, and says why. */
	if (verdict == STORE_OK && !name_is_inbox(name) &&
	    find(mirror, name) != 0) {
		mirror_folder_forget(mirror);
		if (mirror->format->call->remove(mirror->format, name,
				error) < 0 && error->code != ERROR_GONE)
			verdict = mirror_verdict(error);
	}
	uint32_t id = find(mirror, name);
	if (verdict == STORE_OK)
		verdict = op_mailbox_change(handle, OP_MAILBOX_DELETE, name,
			span_of(NULL, 0), error);
	if (verdict == STORE_OK)
		mirror_cache_remove(mirror, id);
	if (verdict == STORE_OK)
		verdict = follow_list(mirror, error);
	pthread_mutex_unlock(&mirror->list_lock);
	return verdict;
}

/* ---- rename ---- */

/* Of INBOX only the messages move (RFC 9051 6.3.6). */
static enum store_verdict
empty_inbox(const struct store_account *handle, struct span to,
	struct error *error)
{
	struct mirror *mirror = handle->account->mirror;
	enum store_verdict verdict = create(mirror, to, 0, error);
	if (verdict != STORE_OK)
		return verdict;
	const struct mirror_copy copy = { .from = find(mirror, SPAN("INBOX")),
		.to = find(mirror, to), .is_move = true };
	return mirror_copy(handle, &copy, error);
}

static enum store_verdict
rename_files(const struct store_account *handle, struct span from,
	struct span to, struct error *error)
{
	struct mirror *mirror = handle->account->mirror;
	if (name_is_below(to, from))
		return STORE_BAD_NAME;
	mirror_folder_forget(mirror);
	if (mirror->format->call->rename(mirror->format, from, to, error) < 0)
		return mirror_verdict(error);
	/* The log renames what it knew, so that UIDs stay; then it looks. */
	enum store_verdict verdict = op_mailbox_change(handle,
		OP_MAILBOX_RENAME, from, to, error);
	return verdict == STORE_TROUBLE ? verdict : follow_list(mirror, error);
}

enum store_verdict
mirror_rename(const struct store_account *handle, struct span from,
	struct span to, struct error *error)
{
	struct mirror *mirror = handle->account->mirror;
	pthread_mutex_lock(&mirror->list_lock);
	enum store_verdict verdict = follow_list(mirror, error);
	if (verdict == STORE_OK && find(mirror, to) != 0)
		verdict = STORE_EXISTS;
	if (verdict == STORE_OK)
		verdict = name_is_inbox(from) ?
			empty_inbox(handle, to, error) :
			rename_files(handle, from, to, error);
	pthread_mutex_unlock(&mirror->list_lock);
	return verdict;
}

/* ---- subscribe ---- */

enum store_verdict
mirror_subscribe(const struct store_account *handle, struct span name,
	bool is_subscribed, struct error *error)
{
	struct mirror *mirror = handle->account->mirror;
	pthread_mutex_lock(&mirror->list_lock);
	enum store_verdict verdict = mirror->format->call->subscribe(
		mirror->format, name, is_subscribed, error) < 0 ?
		STORE_TROUBLE : follow_list(mirror, error);
	pthread_mutex_unlock(&mirror->list_lock);
	return verdict;
}
