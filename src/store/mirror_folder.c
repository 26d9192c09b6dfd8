/*
 * The log follows one folder: what is gone from the files is expunged, what
 * others flagged is flagged, what is new gets a UID. Each step is a commit, in
 * an order in which a crash between two leaves less to do for the next time.
 */
#include "store/mirror_folder.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/mirror_match.h"

/* A UID or UIDNEXT in a file that is beyond this is taken for nonsense. */
enum { UID_MOST = INT32_MAX };

/* What the log has, and what is to be done. */
struct comparison {
	const struct mirror *mirror;
	struct mirror_folder *folder;
	struct slot *slot;		/* in the log, by UID */
	size_t slot_count;
	size_t *of;			/* of each slot its entry */
	size_t *back;			/* of each entry its slot */
	uint64_t bit[STORE_KEYWORD_LIMIT];	/* ours for the format's */
	uint32_t uid_validity, uid_next;
	bool knows_uids;		/* those of the files may be used */
	struct number_set gone;
	struct follow_flags *changed;
	size_t changed_count;
	struct follow_found *found;
	size_t found_count;
};

/* ---- what the log has ---- */

static void
take_slots(struct comparison *comparison, struct index *index,
	const struct tree *tree)
{
	struct walk walk;
	comparison->slot = memory_new_array(tree->total.there + 1,
		sizeof(*comparison->slot));
	walk_init(&walk, index, tree, NULL);
	while (comparison->slot_count < tree->total.there &&
	    walk_next(&walk, &comparison->slot[comparison->slot_count]))
		comparison->slot_count++;
	walk_fini(&walk);
}

/* Our bits for the format's keywords; those the log has not are none. */
static void
take_keywords(struct comparison *comparison, const struct tree *tree)
{
	const struct format_scan *scan = &comparison->folder->scan;
	for (size_t i = 0; i < scan->keyword_count &&
	    i < STORE_KEYWORD_LIMIT; i++) {
		int number = keywords_find(tree->keywords, scan->keyword[i]);
		if (number >= 0)
			comparison->bit[i] = (uint64_t)1 <<
				(STORE_KEYWORD_SHIFT + number);
	}
}

static enum store_verdict
read_log(struct comparison *comparison, struct error *error)
{
	struct account *account = comparison->mirror->account;
	const struct store_account handle = { .account = account };
	struct index *index;
	struct tree *tree;
	enum store_verdict verdict = account_tree_get(&handle,
		comparison->folder->mailbox, &index, &tree, error);
	if (verdict != STORE_OK)
		return verdict;
	take_slots(comparison, index, tree);
	take_keywords(comparison, tree);
	comparison->uid_validity = tree->uid_validity;
	comparison->uid_next = tree->uid_next;
	if (comparison->slot_count < tree->total.there) {
		error_set(error, ERROR_LATER,
			"the index is damaged and is being made again");
		verdict = STORE_TROUBLE;
	}
	tree_free(&tree);
	index_free(&index);
	return verdict;
}

/* ---- the differences ---- */

static bool
has_same_flags(const struct comparison *comparison, uint64_t flags,
	uint64_t ours)
{
	uint64_t bits = flags & OP_SYSTEM_FLAGS;
	for (uint64_t rest = flags >> FORMAT_KEYWORD_SHIFT; rest != 0;
	    rest &= rest - 1) {
		uint64_t bit = comparison->bit[__builtin_ctzll(rest)];
		if (bit == 0)
			return false;	/* a name that the log has not yet */
		bits |= bit;
	}
	return bits == ours;
}

static int
compare_changed(const void *left, const void *right)
{
	const struct follow_flags *a = left, *b = right;
	if (a->flags != b->flags)
		return a->flags < b->flags ? -1 : 1;
	return a->uid < b->uid ? -1 : a->uid > b->uid;
}

static void
find_changes(struct comparison *comparison)
{
	const struct format_entry *entry = comparison->folder->scan.entry;
	comparison->changed = memory_new_array(comparison->slot_count + 1,
		sizeof(*comparison->changed));
	for (size_t i = 0; i < comparison->slot_count; i++) {
		const struct slot *slot = &comparison->slot[i];
		size_t at = comparison->of[i];
		if (at == MIRROR_NONE)
			number_set_add(&comparison->gone, slot->uid, slot->uid);
		else if (!has_same_flags(comparison, entry[at].flags,
				slot->flags))
			comparison->changed[comparison->changed_count++] =
				(struct follow_flags){ entry[at].flags,
				slot->uid };
	}
	qsort(comparison->changed, comparison->changed_count,
		sizeof(*comparison->changed), compare_changed);
}

static int
compare_origins(const void *left, const void *right)
{
	const struct mirror_origin *a = left, *b = right;
	return memcmp(a->key, b->key, sizeof(a->key));
}

/* Those that have a UID in the file first, in its order; the others as they
 * stand there. */
static int
compare_found(const void *left, const void *right)
{
	const struct follow_found *a = left, *b = right;
	if (a->uid != b->uid)
		return a->uid < b->uid ? -1 : 1;
	return a->entry < b->entry ? -1 : 1;
}

static void
number_found(struct comparison *comparison)
{
	const struct format_scan *scan = &comparison->folder->scan;
	uint32_t next = comparison->uid_next;
	qsort(comparison->found, comparison->found_count,
		sizeof(*comparison->found), compare_found);
	for (size_t i = 0; i < comparison->found_count; i++) {
		struct follow_found *found = &comparison->found[i];
		if (found->uid == UINT32_MAX && comparison->knows_uids &&
		    next < scan->uid_next)
			next = scan->uid_next;
		if (found->uid == UINT32_MAX || found->uid < next)
			found->uid = next;
		next = found->uid + 1;
	}
}

static void
find_new(struct comparison *comparison, const struct mirror_origin *origins,
	size_t origin_count)
{
	const struct format_scan *scan = &comparison->folder->scan;
	comparison->knows_uids = scan->uid_validity != 0 &&
		scan->uid_next <= UID_MOST && (comparison->uid_next <= 1 ||
		scan->uid_validity == comparison->uid_validity);
	comparison->found = memory_new_array(scan->count + 1,
		sizeof(*comparison->found));
	for (size_t i = 0; i < scan->count; i++) {
		const struct format_entry *entry = &scan->entry[i];
		if (comparison->back[i] != MIRROR_NONE)
			continue;
		bool has_uid = comparison->knows_uids &&
			entry->uid >= comparison->uid_next &&
			entry->uid < scan->uid_next;
		struct mirror_origin wanted;
		memcpy(wanted.key, entry->key, sizeof(wanted.key));
		const struct mirror_origin *origin = origin_count == 0 ? NULL :
			bsearch(&wanted, origins, origin_count,
			sizeof(*origins), compare_origins);
		comparison->found[comparison->found_count++] =
			(struct follow_found){ entry,
			has_uid ? entry->uid : UINT32_MAX,
			origin == NULL ? 0 : origin->email };
	}
	number_found(comparison);
}

/* ---- into the log ---- */

static size_t
at_most(size_t count)
{
	return count < FOLLOW_LIMIT ? count : FOLLOW_LIMIT;
}

static bool
has_numbers_to_take(const struct comparison *comparison)
{
	const struct format_scan *scan = &comparison->folder->scan;
	return comparison->knows_uids &&
		(scan->uid_next > comparison->uid_next ||
		scan->uid_validity != comparison->uid_validity);
}

static enum store_verdict
write_log(const struct comparison *comparison, struct error *error)
{
	const struct mirror_folder *folder = comparison->folder;
	const struct format_scan *scan = &folder->scan;
	size_t changed = 0, found = 0;
	bool is_last = comparison->gone.count == 0 &&
		comparison->changed_count == 0 &&
		comparison->found_count == 0 &&
		!has_numbers_to_take(comparison);
	while (!is_last) {
		struct follow follow = {
			.mailbox = folder->mailbox,
			.gone = changed + found == 0 ? &comparison->gone : NULL,
			.changed = comparison->changed + changed,
			.changed_count = at_most(comparison->changed_count -
				changed),
			.found = comparison->found + found,
			.found_count = at_most(comparison->found_count - found),
			.keyword = scan->keyword,
			.keyword_count = scan->keyword_count,
		};
		changed += follow.changed_count;
		found += follow.found_count;
		is_last = changed == comparison->changed_count &&
			found == comparison->found_count;
		if (comparison->knows_uids)
			follow.uid_validity = scan->uid_validity;
		if (comparison->knows_uids && is_last)
			follow.uid_next = scan->uid_next;
		enum store_verdict verdict = op_follow(
			comparison->mirror->account, &follow, error);
		if (verdict != STORE_OK)
			return verdict;
	}
	return STORE_OK;
}

static int
compare_by_uid(const void *left, const void *right, void *context)
{
	const uint32_t *a = left, *b = right, *uid = context;
	return uid[*a] < uid[*b] ? -1 : uid[*a] > uid[*b];
}

/* What is in the log now, by entry and by UID. */
static void
remember(struct comparison *comparison)
{
	struct mirror_folder *folder = comparison->folder;
	size_t count = folder->scan.count;
	bool is_sorted = true;
	folder->uid = memory_resize(folder->uid, (count + 1) *
		sizeof(*folder->uid));
	folder->by_uid = memory_resize(folder->by_uid, (count + 1) *
		sizeof(*folder->by_uid));
	for (size_t i = 0; i < count; i++)
		folder->uid[i] = comparison->back[i] == MIRROR_NONE ? 0 :
			comparison->slot[comparison->back[i]].uid;
	for (size_t i = 0; i < comparison->found_count; i++)
		folder->uid[comparison->found[i].entry - folder->scan.entry] =
			comparison->found[i].uid;
	folder->known = 0;
	for (size_t i = 0; i < count; i++) {
		if (folder->uid[i] == 0)
			continue;
		is_sorted &= folder->known == 0 || folder->uid[i] >
			folder->uid[folder->by_uid[folder->known - 1]];
		folder->by_uid[folder->known++] = (uint32_t)i;
	}
	if (!is_sorted)
		qsort_r(folder->by_uid, folder->known, sizeof(*folder->by_uid),
			compare_by_uid, folder->uid);
	folder->pending = 0;
	folder->unsaved += comparison->found_count +
		number_set_size(&comparison->gone);
}

enum store_verdict
mirror_folder_follow(struct mirror *mirror, struct mirror_folder *folder,
	struct mirror_origin *origins, size_t count, struct error *error)
{
	struct comparison comparison = { .mirror = mirror, .folder = folder };
	number_set_init(&comparison.gone);
	folder->is_followed = false;
	enum store_verdict verdict = read_log(&comparison, error);
	if (verdict == STORE_OK) {
		if (count > 0)
			qsort(origins, count, sizeof(*origins),
				compare_origins);
		comparison.of = memory_new_array(comparison.slot_count + 1,
			sizeof(*comparison.of));
		comparison.back = memory_new_array(folder->scan.count + 1,
			sizeof(*comparison.back));
		mirror_match(comparison.slot, comparison.slot_count,
			folder->scan.entry, folder->scan.count, comparison.of,
			comparison.back);
		find_changes(&comparison);
		find_new(&comparison, origins, count);
		verdict = write_log(&comparison, error);
	}
	if (verdict == STORE_OK) {
		remember(&comparison);
		folder->is_followed = true;
	}
	memory_free(comparison.slot);
	memory_free(comparison.of);
	memory_free(comparison.back);
	memory_free(comparison.changed);
	memory_free(comparison.found);
	number_set_fini(&comparison.gone);
	return verdict;
}

/* ---- for those who change ---- */

enum store_verdict
mirror_folder_begin(struct mirror *mirror, struct mirror_folder *folder,
	int64_t patience, struct error *error)
{
	const struct format_functions *call = mirror->format->call;
	if (call->lock(folder->files, clock_monotonic() + patience, error) < 0)
		return mirror_verdict(error);
	enum store_verdict verdict = STORE_OK;
	if (!folder->is_followed || call->has_changed(folder->files)) {
		folder->is_followed = false;
		verdict = call->scan(folder->files, &folder->scan, error) < 0 ?
			mirror_verdict(error) : mirror_folder_follow(mirror,
			folder, NULL, 0, error);
	}
	if (verdict != STORE_OK)
		call->unlock(folder->files);
	return verdict;
}

size_t
mirror_folder_find(const struct mirror_folder *folder, uint32_t uid)
{
	size_t low = 0, high = folder->known;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (folder->uid[folder->by_uid[middle]] < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < folder->known && folder->uid[folder->by_uid[low]] == uid ?
		folder->by_uid[low] : folder->scan.count;
}
