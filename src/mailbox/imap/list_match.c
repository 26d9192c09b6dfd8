/*
 * Patterns of LIST as a set of states: bit i is set when the first i elements
 * of the pattern match what has been read of the name.
 */
#include "mailbox/imap/list_match.h"

#include <string.h>

struct list_match {
	size_t count;				/* elements */
	uint64_t star[LIST_MATCH_WORDS];	/* element i is "*" */
	uint64_t percent[LIST_MATCH_WORDS];
	uint64_t byte[256][LIST_MATCH_WORDS];	/* element i is this byte */
	struct list_match *inbox;		/* the same without case */
};

static void
set_bit(uint64_t *words, size_t i)
{
	words[i / 64] |= (uint64_t)1 << (i % 64);
}

static bool
has_bit(const uint64_t *words, size_t i)
{
	return (words[i / 64] >> (i % 64) & 1) != 0;
}

/* Wildcards beside each other become one: the wider of them. */
static void
add_wildcard(struct list_match *match, char c)
{
	size_t last = match->count - 1;
	bool follows = match->count > 0 && (has_bit(match->star, last) ||
		has_bit(match->percent, last));
	if (!follows)
		set_bit(c == '*' ? match->star : match->percent,
			match->count++);
	else if (c == '*' && has_bit(match->percent, last)) {
		match->percent[last / 64] &= ~((uint64_t)1 << (last % 64));
		set_bit(match->star, last);
	}
}

static struct list_match *
compile(struct arena *arena, struct span pattern, bool is_nocase)
{
	struct list_match *match = arena_new(arena, sizeof(*match));
	for (size_t i = 0; i < pattern.size; i++) {
		unsigned char c = (unsigned char)pattern.data[i];
		if (c == '*' || c == '%') {
			add_wildcard(match, (char)c);
			continue;
		}
		unsigned char lower = (unsigned char)span_lower_byte((char)c);
		set_bit(match->byte[c], match->count);
		if (is_nocase) {
			set_bit(match->byte[lower], match->count);
			if (lower >= 'a' && lower <= 'z')
				set_bit(match->byte[lower - 32], match->count);
		}
		match->count++;
	}
	return match;
}

struct list_match *
list_match_new(struct arena *arena, struct span pattern)
{
	if (pattern.size > LIST_MATCH_LIMIT)
		return NULL;
	struct list_match *match = compile(arena, pattern, false);
	if (pattern.size <= 16)		/* "INBOX" and wildcards */
		match->inbox = compile(arena, pattern, true);
	return match;
}

/* States reached without reading: a wildcard may stand for nothing. */
static void
pass_wildcards(const struct list_match *match, uint64_t *state)
{
	uint64_t carry = 0;
	for (size_t w = 0; w < LIST_MATCH_WORDS; w++) {
		uint64_t at = state[w] & (match->star[w] | match->percent[w]);
		state[w] |= at << 1 | carry;
		carry = at >> 63;
	}
}

static void
read_byte(const struct list_match *match, uint64_t *state, unsigned char c)
{
	uint64_t carry = 0;
	for (size_t w = 0; w < LIST_MATCH_WORDS; w++) {
		uint64_t stays = state[w] & match->star[w];
		if (c != '/')
			stays |= state[w] & match->percent[w];
		uint64_t moves = state[w] & match->byte[c][w];
		state[w] = stays | moves << 1 | carry;
		carry = moves >> 63;
	}
	pass_wildcards(match, state);
}

static bool
run(const struct list_match *match, struct span name)
{
	/* count is at most 1000, so the final state is within the words. */
	uint64_t state[LIST_MATCH_WORDS] = { 1 };
	pass_wildcards(match, state);
	for (size_t i = 0; i < name.size; i++)
		read_byte(match, state, (unsigned char)name.data[i]);
	return has_bit(state, match->count);
}

bool
list_match_is_match(const struct list_match *match, struct span name)
{
	if (match == NULL)
		return false;
	if (match->inbox != NULL && span_equals(name, SPAN("INBOX")))
		return run(match->inbox, name);
	return run(match, name);
}
