/*
 * The list of mailboxes, from the published version: sorted, found by name,
 * with the parents that only exist because something is below them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "store/account.h"
#include "store/mirror.h"
#include "store/name.h"

static int
compare(const void *left, const void *right)
{
	const struct mailbox *const *a = left, *const *b = right;
	return name_compare((*a)->published.name, (*b)->published.name);
}

/* Published mailboxes and names by name; kept until the list changes. The lock
 * is held. */
static void
sort(struct account *account)
{
	if (account->sorted != NULL)
		return;
	account->sorted = memory_new_array(account->mailbox_count + 1,
		sizeof(*account->sorted));
	account->sorted_count = 0;
	for (size_t i = 0; i < account->mailbox_count; i++)
		if (account->mailbox[i]->published.is_there)
			account->sorted[account->sorted_count++] =
				account->mailbox[i];
	qsort(account->sorted, account->sorted_count,
		sizeof(*account->sorted), compare);
}

static void
copy_facts(const struct mailbox *mailbox, struct arena *arena,
	struct store_mailbox *out)
{
	const struct mailbox_facts *facts = &mailbox->published;
	*out = (struct store_mailbox){
		.id = facts->is_name_only ? 0 : mailbox->id,
		.name = arena_copy(arena, facts->name),
		.use = facts->use,
		.is_subscribed = facts->is_subscribed,
		.uid_validity = facts->uid_validity,
		.uid_next = facts->uid_next,
		.modseq = facts->modseq,
	};
}

struct listing {
	struct arena *arena;
	struct store_mailbox *row;
	size_t count, room;
};

static struct store_mailbox *
new_row(struct listing *listing)
{
	if (listing->count == listing->room) {
		size_t room = listing->room * 2 + 16;
		struct store_mailbox *row = arena_new_array(listing->arena,
			room, sizeof(*row));
		if (listing->count > 0)
			memcpy(row, listing->row,
				listing->count * sizeof(*row));
		listing->row = row;
		listing->room = room;
	}
	return &listing->row[listing->count++];
}

/* Parents of the name that are not in the list: those that the row before is
 * neither equal to nor below. */
static void
add_parents(struct listing *listing, struct span name)
{
	struct span before = listing->count == 0 ? span_of(NULL, 0) :
		listing->row[listing->count - 1].name;
	for (size_t at = 0; at < name.size; at++) {
		struct span parent = span_first(name, at);
		if (name.data[at] != '/' || span_equals(before, parent) ||
		    name_is_below(before, parent))
			continue;
		*new_row(listing) = (struct store_mailbox){
			.name = arena_copy(listing->arena, parent) };
	}
}

enum store_verdict
store_mailbox_list(struct store_account *handle, struct arena *arena,
	struct store_mailbox **mailboxes, size_t *count, struct error *error)
{
	struct account *account = handle->account;
	struct listing listing = { .arena = arena };
	if (!account_allows(handle))
		return STORE_DENIED;
	if (account->mirror != NULL &&
	    mirror_follow_list(account->mirror, error) != STORE_OK)
		return STORE_TROUBLE;
	pthread_mutex_lock(&account->lock);
	sort(account);
	for (size_t i = 0; i < account->sorted_count; i++) {
		add_parents(&listing, account->sorted[i]->published.name);
		copy_facts(account->sorted[i], arena, new_row(&listing));
	}
	pthread_mutex_unlock(&account->lock);
	*mailboxes = listing.row;
	*count = listing.count;
	return STORE_OK;
}

static enum store_verdict
find(struct account *account, struct span normal, struct arena *arena,
	struct store_mailbox *mailbox)
{
	enum store_verdict verdict = STORE_NO_MAILBOX;
	pthread_mutex_lock(&account->lock);
	sort(account);
	size_t low = 0, high = account->sorted_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = name_compare(
			account->sorted[middle]->published.name, normal);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
		if (order == 0 &&
		    !account->sorted[middle]->published.is_name_only) {
			copy_facts(account->sorted[middle], arena, mailbox);
			verdict = STORE_OK;
			break;
		}
	}
	pthread_mutex_unlock(&account->lock);
	return verdict;
}

/* A name that is not known may have been made by another program; and before
 * UIDs are told of a mailbox it is looked at whether that program gave some. */
static enum store_verdict
find_in_files(struct mirror *mirror, struct account *account,
	struct span normal, struct arena *arena, struct store_mailbox *mailbox)
{
	struct error ignored;	/* then the log's word counts */
	enum store_verdict verdict = find(account, normal, arena, mailbox);
	if (verdict == STORE_NO_MAILBOX &&
	    mirror_follow_list(mirror, &ignored) == STORE_OK)
		verdict = find(account, normal, arena, mailbox);
	if (verdict == STORE_OK && mirror_is_untouched(mirror, mailbox->id) &&
	    mirror_follow(mirror, mailbox->id, &ignored) == STORE_OK)
		verdict = find(account, normal, arena, mailbox);
	return verdict;
}

enum store_verdict
store_mailbox_find(struct store_account *handle, struct span name,
	struct arena *arena, struct store_mailbox *mailbox, struct error *error)
{
	struct account *account = handle->account;
	struct span normal;
	(void)error;
	if (!account_allows(handle))
		return STORE_DENIED;
	if (!name_normalise(name, arena, &normal))
		return STORE_BAD_NAME;
	return account->mirror == NULL ?
		find(account, normal, arena, mailbox) :
		find_in_files(account->mirror, account, normal, arena, mailbox);
}
