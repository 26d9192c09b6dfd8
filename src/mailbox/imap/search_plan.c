/*
 * Search keys in the order in which they are tried: a message that one cheap
 * key rules out is never opened for a dear one. The order changes nothing of
 * what is found.
 */
#include "mailbox/imap/search_key.h"

/* The fields that the envelope in the cache has (struct mime_envelope). */
static bool
is_in_envelope(struct span name)
{
	static const char *const names[] = { "Date", "Subject", "From", "Sender",
		"Reply-To", "To", "Cc", "Bcc", "In-Reply-To", "Message-ID" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_equals_nocase(name, span_from(names[i])))
			return true;
	return false;
}

static enum search_cost
cost_alone(const struct search_key *key)
{
	switch (key->kind) {
	case SEARCH_SENT_DATE:
		return SEARCH_COST_ENVELOPE;
	case SEARCH_HEADER:
		return is_in_envelope(key->name) ? SEARCH_COST_ENVELOPE :
			SEARCH_COST_HEADER;
	case SEARCH_BODY:
	case SEARCH_TEXT:
		return SEARCH_COST_BODY;
	default:
		return SEARCH_COST_VIEW;
	}
}

/* Takes the cheapest first, those of equal cost as they were. */
static struct search_key *
sort(struct search_key *list)
{
	struct search_key *sorted = NULL, **end = &sorted;
	for (int cost = SEARCH_COST_VIEW; cost <= SEARCH_COST_BODY; cost++)
		for (struct search_key **at = &list; *at != NULL;) {
			struct search_key *key = *at;
			if ((int)key->cost != cost) {
				at = &key->next;
				continue;
			}
			*at = key->next;
			key->next = NULL;
			*end = key;
			end = &key->next;
		}
	return sorted;
}

/* (a b) inside an AND are keys of that AND. */
static void
flatten(struct search_key *and)
{
	struct search_key **at = &and->child;
	while (*at != NULL) {
		struct search_key *key = *at;
		if (key->kind != SEARCH_AND) {
			at = &key->next;
			continue;
		}
		struct search_key **end = &key->child;
		while (*end != NULL)
			end = &(*end)->next;
		*end = key->next;
		*at = key->child;
	}
}

/* NOT of a single flag is the other flag key: the view counts those. */
static void
simplify_not(struct search_key *key)
{
	struct search_key *child = key->child;
	if (child->kind != SEARCH_FLAGS && child->kind != SEARCH_KEYWORD)
		return;
	key->kind = child->kind;
	key->name = child->name;
	key->set = child->clear;
	key->clear = child->set;
	if (key->kind == SEARCH_KEYWORD) {
		key->set = child->set == 0;
		key->clear = 0;
	}
	key->child = NULL;
}

/* Recursion is bounded by SEARCH_DEPTH_LIMIT, which the parser kept. */
static void
plan(struct search_key *key)
{
	key->cost = cost_alone(key);
	for (struct search_key *child = key->child; child != NULL;
	    child = child->next) {
		plan(child);
		if (child->cost > key->cost)
			key->cost = child->cost;
	}
	if (key->kind == SEARCH_NOT)
		simplify_not(key);
	if (key->kind == SEARCH_AND)
		flatten(key);
	if (key->kind == SEARCH_AND || key->kind == SEARCH_OR)
		key->child = sort(key->child);
}

void
search_plan(struct search *search)
{
	plan(search->root);
}
