/*
 * The criteria of SEARCH: whatever comes is a program within its bounds or is
 * refused with a reason.
 */
#include <assert.h>

#include "fuzz.h"
#include "mailbox/imap/search_key.h"

static unsigned
count_keys(const struct search_key *key, unsigned depth)
{
	unsigned count = 1;
	assert(depth <= 2 * SEARCH_DEPTH_LIMIT);
	enum search_cost last = SEARCH_COST_VIEW;
	for (const struct search_key *child = key->child; child != NULL;
	    child = child->next) {
		assert(child->cost >= last && child->cost <= key->cost);
		if (key->kind == SEARCH_AND || key->kind == SEARCH_OR)
			last = child->cost;
		count += count_keys(child, depth + 1);
	}
	return count;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct imap_parse parse;
	struct search *search;
	arena_init(&arena, 0);
	imap_parse_init(&parse, span_of(data, size), &arena, size % 2 == 0);
	switch (search_parse(&parse, &search)) {
	case SEARCH_OK:
		assert(count_keys(search->root, 0) <= SEARCH_KEY_LIMIT);
		assert(search->root->kind == SEARCH_AND);
		break;
	case SEARCH_BAD_SYNTAX:
		assert(parse.problem != NULL);
		break;
	case SEARCH_BAD_CHARSET:
		assert(parse.problem == NULL);
		break;
	}
	arena_fini(&arena);
	return 0;
}
