/*
 * Sets of 32-bit numbers (UIDs, sequence numbers) as sorted, disjoint ranges:
 * the sequence-set of RFC 9051 9 after "*" has been resolved. Compact for
 * what mail does: 1:* is one range.
 */
#ifndef PROTO_NUMBER_SET_H
#define PROTO_NUMBER_SET_H

#include "base/buffer.h"

struct number_range {
	uint32_t first, last;	/* both in the set; first <= last */
};

struct number_set {
	struct number_range *range;
	size_t count, room;
};

void
number_set_init(struct number_set *set);
void
number_set_fini(struct number_set *set);

/* Any order; ranges that touch are joined. Appending at the end is O(1). */
void
number_set_add(struct number_set *set, uint32_t first, uint32_t last);

bool
number_set_contains(const struct number_set *set, uint32_t number);

/* How many numbers. */
uint64_t
number_set_size(const struct number_set *set);

/* The smallest number >= from; false when there is none. */
bool
number_set_next(const struct number_set *set, uint32_t from, uint32_t *number);

/* Adds what is in both a and b, or in a and not in b. */
void
number_set_intersect(struct number_set *set, const struct number_set *a,
	const struct number_set *b);
void
number_set_subtract(struct number_set *set, const struct number_set *a,
	const struct number_set *b);

/* "1:3,7,9:12"; nothing for the empty set. */
void
number_set_format(struct buffer *out, const struct number_set *set);

/*
 * Parses a sequence-set; "*" stands for `star` (RFC 9051: n:* with n > star is
 * star:n; with star 0, an empty mailbox, a range with "*" in it is no number).
 * Zero, syntax and more than `most` ranges are refused: false. *set has been
 * initialised; what was in it is replaced.
 */
bool
number_set_parse(struct span text, uint32_t star, size_t most,
	struct number_set *set);

#endif
