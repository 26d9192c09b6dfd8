/*
 * Changing messages in files of other programs: the file first, then the log.
 * What a crash leaves in between the next look at the file mends, because what
 * is there is what holds.
 */
#include "store/mirror_folder.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/apply.h"

/* ---- walking over what the log has ---- */

struct look {
	struct index *index;
	struct tree *tree;
	struct walk walk;
};

static enum store_verdict
look_init(struct look *look, const struct store_account *handle,
	uint32_t mailbox, const struct number_set *uids, struct error *error)
{
	enum store_verdict verdict = account_tree_get(handle, mailbox,
		&look->index, &look->tree, error);
	if (verdict == STORE_OK)
		walk_init(&look->walk, look->index, look->tree, uids);
	return verdict;
}

static void
look_fini(struct look *look)
{
	walk_fini(&look->walk);
	tree_free(&look->tree);
	index_free(&look->index);
}

/* ---- flags ---- */

/* Names of bits as the log has them, and behind them those that are new. */
struct names {
	struct span name[STORE_KEYWORD_LIMIT];
	size_t count;
};

static int
find_name(const struct names *names, struct span name)
{
	for (size_t i = 0; i < names->count; i++)
		if (span_equals_nocase(names->name[i], name))
			return (int)i;
	return -1;
}

/* The bits of these flags. TOO_MANY: there is no room for a new name. */
static enum store_verdict
take_names(struct names *names, const struct tree *tree,
	const struct mirror_change *change, uint64_t *bits)
{
	const struct store_flags *flags = change->flags;
	names->count = tree->keywords == NULL ? 0 : tree->keywords->count;
	for (size_t i = 0; i < names->count; i++)
		names->name[i] = tree->keywords->name[i];
	*bits = flags->system & OP_SYSTEM_FLAGS;
	for (size_t i = 0; i < flags->keyword_count; i++) {
		int number = find_name(names, flags->keyword[i]);
		if (number < 0 && change->change == STORE_REMOVE)
			continue;
		if (number < 0 && names->count == STORE_KEYWORD_LIMIT)
			return STORE_TOO_MANY;
		if (number < 0) {
			number = (int)names->count;
			names->name[names->count++] = flags->keyword[i];
		}
		*bits |= (uint64_t)1 << (STORE_KEYWORD_SHIFT + number);
	}
	return STORE_OK;
}

/* The entries that change, and what their flags become. */
static size_t
choose_flags(const struct mirror_folder *folder, struct look *look,
	const struct mirror_change *change, uint64_t bits,
	struct format_flags *changes)
{
	size_t count = 0;
	struct slot slot;
	while (walk_next(&look->walk, &slot)) {
		uint64_t new = apply_new_flags(change->change, slot.flags,
			bits);
		size_t at = mirror_folder_find(folder, slot.uid);
		if (slot.modseq <= change->unchanged_since &&
		    new != slot.flags && at < folder->scan.count)
			changes[count++] = (struct format_flags){ at, new };
	}
	return count;
}

static enum store_verdict
set_flags(const struct store_account *handle,
	const struct mirror_folder *folder, const struct mirror_change *change,
	struct error *error)
{
	const struct format_functions *call =
		handle->account->mirror->format->call;
	struct look look;
	struct names names;
	uint64_t bits;
	enum store_verdict verdict = look_init(&look, handle, change->mailbox,
		change->uids, error);
	if (verdict != STORE_OK)
		return verdict;
	verdict = take_names(&names, look.tree, change, &bits);
	struct format_flags *changes = memory_new_array(folder->known + 1,
		sizeof(*changes));
	size_t count = verdict != STORE_OK ? 0 : choose_flags(folder, &look,
		change, bits, changes);
	if (count > 0 && call->set_flags(folder->files, changes, count,
			names.name, names.count, error) < 0)
		verdict = mirror_verdict(error);
	memory_free(changes);
	look_fini(&look);
	return verdict;
}

enum store_verdict
mirror_flags_change(const struct store_account *handle,
	const struct mirror_change *change, struct error *error)
{
	struct mirror *mirror = handle->account->mirror;
	struct mirror_folder *folder;
	enum store_verdict verdict = mirror_folder_lock(mirror,
		change->mailbox, &folder, error);
	if (verdict != STORE_OK)
		return verdict;
	verdict = mirror_folder_begin(mirror, folder, MIRROR_PATIENCE, error);
	if (verdict == STORE_OK) {
		verdict = set_flags(handle, folder, change, error);
		mirror->format->call->unlock(folder->files);
	}
	if (verdict == STORE_OK)
		verdict = op_flags_change(handle, change, error);
	if (verdict != STORE_OK)
		folder->is_followed = false;
	mirror_folder_unlock(mirror, &folder);
	return verdict;
}

/* ---- expunge ---- */

/* Which messages are to go. */
struct choice {
	const struct number_set *uids;
	bool only_deleted;
	struct number_set *expunged;	/* out; may be NULL */
};

/* Their entries and UIDs. */
static size_t
choose_gone(const struct mirror_folder *folder, struct look *look,
	bool only_deleted, size_t *entries, struct number_set *uids)
{
	size_t count = 0;
	struct slot slot;
	while (walk_next(&look->walk, &slot)) {
		size_t at = mirror_folder_find(folder, slot.uid);
		if (at == folder->scan.count || (only_deleted &&
		    (slot.flags & STORE_DELETED) == 0))
			continue;
		entries[count++] = at;
		number_set_add(uids, slot.uid, slot.uid);
	}
	return count;
}

static int
compare_sizes(const void *left, const void *right)
{
	const size_t *a = left, *b = right;
	return *a < *b ? -1 : *a > *b;
}

/* From the file, and then from the log. The folder is followed and its files
 * are locked. */
static enum store_verdict
expunge(const struct store_account *handle, struct mirror_folder *folder,
	const struct choice *choice, struct error *error)
{
	const struct format_functions *call =
		handle->account->mirror->format->call;
	struct look look;
	struct number_set gone;
	enum store_verdict verdict = look_init(&look, handle, folder->mailbox,
		choice->uids, error);
	if (verdict != STORE_OK)
		return verdict;
	number_set_init(&gone);
	size_t *entries = memory_new_array(folder->known + 1,
		sizeof(*entries));
	size_t count = choose_gone(folder, &look, choice->only_deleted,
		entries, &gone);
	look_fini(&look);
	qsort(entries, count, sizeof(*entries), compare_sizes);
	if (count > 0 && call->expunge(folder->files, entries, count,
			error) < 0)
		verdict = mirror_verdict(error);
	else if (count > 0)
		verdict = op_expunge(handle, folder->mailbox, &gone, false,
			choice->expunged, error);
	/* Where the entries are now only a scan knows. */
	if (count > 0)
		folder->is_followed = false;
	memory_free(entries);
	number_set_fini(&gone);
	return verdict;
}

static enum store_verdict
lock_and_expunge(const struct store_account *handle,
	struct mirror_folder *folder, const struct choice *choice,
	struct error *error)
{
	struct mirror *mirror = handle->account->mirror;
	enum store_verdict verdict = mirror_folder_begin(mirror, folder,
		MIRROR_PATIENCE, error);
	if (verdict != STORE_OK)
		return verdict;
	verdict = expunge(handle, folder, choice, error);
	mirror->format->call->unlock(folder->files);
	return verdict;
}

enum store_verdict
mirror_expunge(const struct store_account *handle, uint32_t mailbox,
	const struct number_set *uids, bool only_deleted,
	struct number_set *expunged, struct error *error)
{
	struct mirror *mirror = handle->account->mirror;
	struct mirror_folder *folder;
	const struct choice choice = { uids, only_deleted, expunged };
	enum store_verdict verdict = mirror_folder_lock(mirror, mailbox,
		&folder, error);
	if (verdict == STORE_OK)
		verdict = lock_and_expunge(handle, folder, &choice, error);
	mirror_folder_unlock(mirror, &folder);
	return verdict;
}

enum store_verdict
mirror_folder_remove(const struct store_account *handle,
	struct mirror_folder *folder, const struct number_set *uids,
	struct error *error)
{
	const struct choice choice = { uids, false, NULL };
	return lock_and_expunge(handle, folder, &choice, error);
}
