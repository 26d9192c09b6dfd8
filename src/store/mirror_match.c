/*
 * Matching in the order of both sides as long as that goes, which is nearly
 * always to the end, and by sorted keys from there.
 */
#include "store/mirror_match.h"

#include <stdlib.h>

#include "base/memory.h"

struct keyed {
	uint64_t segment, offset;
	size_t at;
};

static struct keyed
of_slot(const struct slot *slot, size_t at)
{
	return (struct keyed){ slot->segment, slot->offset, at };
}

static struct keyed
of_entry(const struct format_entry *entry, size_t at)
{
	struct slot slot;
	slot_set_key(&slot, entry->key);
	return of_slot(&slot, at);
}

static int
compare_keys(const struct keyed *a, const struct keyed *b)
{
	if (a->segment != b->segment)
		return a->segment < b->segment ? -1 : 1;
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static int
compare(const void *left, const void *right)
{
	const struct keyed *a = left, *b = right;
	int order = compare_keys(a, b);
	return order != 0 ? order : a->at < b->at ? -1 : 1;
}

static void
match_sorted(const struct keyed *slot, size_t slot_count,
	const struct keyed *entry, size_t entry_count, size_t *of, size_t *back)
{
	size_t i = 0, k = 0;
	while (i < slot_count && k < entry_count) {
		int order = compare_keys(&slot[i], &entry[k]);
		if (order == 0) {
			of[slot[i].at] = entry[k].at;
			back[entry[k].at] = slot[i].at;
		}
		i += order <= 0;
		k += order >= 0;
	}
}

void
mirror_match(const struct slot *slot, size_t slot_count,
	const struct format_entry *entry, size_t entry_count, size_t *of,
	size_t *back)
{
	size_t same = 0;
	for (; same < slot_count && same < entry_count; same++) {
		struct keyed a = of_slot(&slot[same], same);
		struct keyed b = of_entry(&entry[same], same);
		if (compare_keys(&a, &b) != 0)
			break;
		of[same] = back[same] = same;
	}
	struct keyed *slots = memory_new_array(slot_count - same + 1,
		sizeof(*slots));
	struct keyed *entries = memory_new_array(entry_count - same + 1,
		sizeof(*entries));
	for (size_t i = same; i < slot_count; i++) {
		slots[i - same] = of_slot(&slot[i], i);
		of[i] = MIRROR_NONE;
	}
	for (size_t i = same; i < entry_count; i++) {
		entries[i - same] = of_entry(&entry[i], i);
		back[i] = MIRROR_NONE;
	}
	qsort(slots, slot_count - same, sizeof(*slots), compare);
	qsort(entries, entry_count - same, sizeof(*entries), compare);
	match_sorted(slots, slot_count - same, entries, entry_count - same, of,
		back);
	memory_free(slots);
	memory_free(entries);
}
