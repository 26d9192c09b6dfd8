/*
 * The parsed criteria of SEARCH: what search_parse.c makes, search_plan.c puts
 * in order and search_run.c evaluates. For these files only.
 */
#ifndef MAILBOX_IMAP_SEARCH_KEY_H
#define MAILBOX_IMAP_SEARCH_KEY_H

#include "mailbox/imap/search.h"

enum search_kind {
	SEARCH_ALL,
	SEARCH_FLAGS,		/* `set` are set and `clear` are not */
	SEARCH_KEYWORD,		/* name: the flag */
	SEARCH_RECENT,
	SEARCH_SEQUENCE,	/* text: of the set, or "$" */
	SEARCH_UID,
	SEARCH_LARGER, SEARCH_SMALLER,
	SEARCH_INTERNAL_DATE, SEARCH_SAVE_DATE,
	SEARCH_AGE,		/* RFC 5032: order is BEFORE (older) or SINCE */
	SEARCH_MODSEQ,
	SEARCH_SENT_DATE,
	SEARCH_HEADER,		/* name: of the field; needle */
	SEARCH_BODY, SEARCH_TEXT,	/* needle */
	SEARCH_NOT,		/* child */
	SEARCH_AND, SEARCH_OR,	/* children */
};

enum search_order { SEARCH_BEFORE, SEARCH_ON, SEARCH_SINCE };

/* What it costs to know: keys are tried in this order. */
enum search_cost {
	SEARCH_COST_VIEW,	/* nothing but the view */
	SEARCH_COST_ENVELOPE,	/* the cached structure */
	SEARCH_COST_HEADER,	/* the header is read */
	SEARCH_COST_BODY,	/* all of it */
};

struct search_key {
	enum search_kind kind;
	enum search_order order;	/* of dates */
	enum search_cost cost;
	uint64_t set, clear;		/* enum store_flag */
	uint64_t number;		/* size, modseq, seconds */
	int64_t days;			/* since 1970-01-01 */
	struct span text, name;
	struct span needle;		/* folded, see charset_fold */
	unsigned index;			/* below search->key_count */
	struct search_key *child, *next;
};

struct search {
	struct search_key *root;	/* a SEARCH_AND */
	unsigned key_count;
	bool has_modseq;
};

/* Costs of all keys, and children of AND and OR in order of cost. */
void
search_plan(struct search *search);

/* ---- what the view knows (search_view.c) ---- */

/* What a key means in this view. */
struct search_meaning {
	uint64_t flag;			/* of SEARCH_KEYWORD; 0: nobody has it */
	struct number_set uids;		/* of SEARCH_SEQUENCE and SEARCH_UID */
	bool is_answered;		/* by the candidates: holds for all of them */
};

/* For each key by its index. Fini it in any case. */
struct search_meaning *
search_meaning_new(const struct search *search,
	const struct search_scope *scope);
void
search_meaning_free(const struct search *search,
	struct search_meaning **meaning);

/* UIDs of the view that can match; marks keys that need no more asking. */
void
search_candidates(const struct search *search,
	const struct search_scope *scope, struct search_meaning *meaning,
	struct number_set *uids);

/* A key of SEARCH_COST_VIEW that has no children. */
bool
search_view_matches(const struct search_key *key,
	const struct search_meaning *meaning, const struct search_scope *scope,
	const struct store_message *message);

/* BEFORE, ON or SINCE, of days (RFC 9051 6.4.4: without time and zone). */
bool
search_day_matches(const struct search_key *key, int64_t seconds, int zone);

#endif
