/*
 * Sets of 32-bit numbers as sorted, disjoint ranges, and the sequence-set
 * syntax (RFC 9051 9, seq-number, seq-range, sequence-set).
 */
#include "proto/number_set.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void
number_set_init(struct number_set *set)
{
	*set = (struct number_set){ 0 };
}

void
number_set_fini(struct number_set *set)
{
	memory_free(set->range);
	number_set_init(set);
}

static void
make_room(struct number_set *set)
{
	if (set->count < set->room)
		return;
	size_t room = set->room == 0 ? 4 : set->room * 2;
	set->range = memory_resize(set->range, room * sizeof(*set->range));
	set->room = room;
}

/* The first range that ends at or after `number`; count when there is none. */
static size_t
find(const struct number_set *set, uint32_t number)
{
	size_t low = 0, high = set->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (set->range[middle].last < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Joins the range at `at` with those after it that it overlaps or touches. */
static void
join_following(struct number_set *set, size_t at)
{
	struct number_range *range = &set->range[at];
	size_t end = at + 1;
	while (end < set->count && (range->last == UINT32_MAX ||
	    set->range[end].first <= range->last + 1)) {
		if (set->range[end].last > range->last)
			range->last = set->range[end].last;
		end++;
	}
	if (end == at + 1)
		return;
	memmove(range + 1, set->range + end,
		(set->count - end) * sizeof(*range));
	set->count -= end - (at + 1);
}

void
number_set_add(struct number_set *set, uint32_t first, uint32_t last)
{
	assert(first <= last);
	struct number_range *newest = set->count == 0 ? NULL :
		&set->range[set->count - 1];
	size_t at = set->count;
	if (newest != NULL && (newest->last >= first ||
	    newest->last + 1 == first))
		at = find(set, first == 0 ? 0 : first - 1);
	if (at < set->count && set->range[at].first <= last) {
		if (first < set->range[at].first)
			set->range[at].first = first;
		if (last > set->range[at].last)
			set->range[at].last = last;
	} else {
		make_room(set);
		memmove(set->range + at + 1, set->range + at,
			(set->count - at) * sizeof(*set->range));
		set->range[at] = (struct number_range){ first, last };
		set->count++;
	}
	join_following(set, at);
}

bool
number_set_contains(const struct number_set *set, uint32_t number)
{
	size_t at = find(set, number);
	return at < set->count && set->range[at].first <= number;
}

uint64_t
number_set_size(const struct number_set *set)
{
	uint64_t size = 0;
	for (size_t i = 0; i < set->count; i++)
		size += (uint64_t)set->range[i].last - set->range[i].first + 1;
	return size;
}

bool
number_set_next(const struct number_set *set, uint32_t from, uint32_t *number)
{
	size_t at = find(set, from);
	if (at == set->count)
		return false;
	*number = set->range[at].first > from ? set->range[at].first : from;
	return true;
}

void
number_set_intersect(struct number_set *set, const struct number_set *a,
	const struct number_set *b)
{
	size_t i = 0, j = 0;
	while (i < a->count && j < b->count) {
		const struct number_range *x = &a->range[i], *y = &b->range[j];
		uint32_t first = x->first > y->first ? x->first : y->first;
		uint32_t last = x->last < y->last ? x->last : y->last;
		if (first <= last)
			number_set_add(set, first, last);
		if (x->last < y->last)
			i++;
		else
			j++;
	}
}

void
number_set_subtract(struct number_set *set, const struct number_set *a,
	const struct number_set *b)
{
	for (size_t i = 0; i < a->count; i++) {
		uint64_t at = a->range[i].first;
		uint32_t last = a->range[i].last;
		for (size_t j = find(b, (uint32_t)at); j < b->count &&
		    b->range[j].first <= last && at <= last; j++) {
			if (b->range[j].first > at)
				number_set_add(set, (uint32_t)at,
					b->range[j].first - 1);
			at = (uint64_t)b->range[j].last + 1;
		}
		if (at <= last)
			number_set_add(set, (uint32_t)at, last);
	}
}

void
number_set_format(struct buffer *out, const struct number_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		if (i > 0)
			buffer_add_byte(out, ',');
		buffer_add_number(out, set->range[i].first);
		if (set->range[i].last == set->range[i].first)
			continue;
		buffer_add_byte(out, ':');
		buffer_add_number(out, set->range[i].last);
	}
}

/* seq-number = nz-number / "*" (RFC 9051 9); 0 stands for "*" of nothing. */
static bool
parse_number(struct span text, uint32_t star, uint32_t *number)
{
	uint64_t wide;
	if (span_equals(text, SPAN("*"))) {
		*number = star;
		return true;
	}
	if (text.size == 0 || text.data[0] == '0' ||
	    !span_to_number(text, UINT32_MAX, &wide))
		return false;
	*number = (uint32_t)wide;
	return true;
}

static bool
parse_range(struct span text, uint32_t star, struct number_range *range)
{
	size_t colon = span_find(text, ':');
	if (!parse_number(span_first(text, colon), star, &range->first))
		return false;
	range->last = range->first;
	if (colon < text.size &&
	    !parse_number(span_skip(text, colon + 1), star, &range->last))
		return false;
	if (range->first > range->last)
		*range = (struct number_range){ range->last, range->first };
	return true;
}

static int
compare_ranges(const void *left, const void *right)
{
	const struct number_range *a = left, *b = right;
	return a->first < b->first ? -1 : a->first > b->first;
}

/* Sorts once, so that hostile orders cost no more than friendly ones. */
static void
sort_and_join(struct number_set *set)
{
	size_t kept = 0;
	if (set->count == 0)
		return;
	qsort(set->range, set->count, sizeof(*set->range), compare_ranges);
	for (size_t i = 1; i < set->count; i++) {
		struct number_range *last = &set->range[kept];
		if (last->last == UINT32_MAX ||
		    set->range[i].first <= last->last + 1) {
			if (set->range[i].last > last->last)
				last->last = set->range[i].last;
		} else {
			set->range[++kept] = set->range[i];
		}
	}
	set->count = kept + 1;
}

bool
number_set_parse(struct span text, uint32_t star, size_t most,
	struct number_set *set)
{
	struct span piece;
	size_t pieces = 0;
	set->count = 0;
	if (text.data == NULL)
		return false;
	while (span_split(&text, ',', &piece)) {
		struct number_range range;
		if (++pieces > most || !parse_range(piece, star, &range)) {
			set->count = 0;
			return false;
		}
		if (range.first == 0)	/* "*" in an empty mailbox */
			continue;
		make_room(set);
		set->range[set->count++] = range;
	}
	sort_and_join(set);
	return true;
}
