/*
 * Search keys that the view answers: flags, keywords, UIDs, sequence numbers,
 * sizes, dates, mod-sequences. Those that all messages found must fulfil are
 * answered for the whole mailbox at once, from the view's blocks.
 */
#include "mailbox/imap/search_key.h"

#include "base/memory.h"

enum { DAY = 86400 };

/* ---- what keys mean in this view ---- */

static uint64_t
flag_of_keyword(const struct store_view *view, struct span name)
{
	struct store_view_facts facts;
	store_view_facts(view, &facts);
	for (size_t i = 0; i < facts.keyword_count; i++)
		if (span_equals_nocase(store_view_keyword(view, i), name))
			return (uint64_t)1 << (STORE_KEYWORD_SHIFT + i);
	return 0;
}

/* The UIDs of messages `first` to `last`; numbers too large name nothing. */
static void
add_sequence(const struct store_view *view, uint32_t exists,
	struct number_range range, struct number_set *uids)
{
	if (range.last > exists)
		range.last = exists;
	if (range.first > range.last)
		return;
	number_set_add(uids, store_view_uid(view, range.first),
		store_view_uid(view, range.last));
}

static void
resolve_set(const struct search_key *key, const struct search_scope *scope,
	struct number_set *uids)
{
	struct store_view_facts facts;
	struct number_set numbers;
	if (span_equals(key->text, SPAN("$"))) {
		number_set_intersect(uids, scope->saved, scope->saved);
		return;
	}
	store_view_facts(scope->view, &facts);
	uint32_t star = facts.exists;
	if (key->kind == SEARCH_UID && star > 0)
		star = store_view_uid(scope->view, star);
	number_set_init(&numbers);
	bool ok = number_set_parse(key->text, star, SEARCH_RANGE_LIMIT,
		&numbers);
	for (size_t i = 0; ok && i < numbers.count; i++)
		if (key->kind == SEARCH_UID)
			number_set_add(uids, numbers.range[i].first,
				numbers.range[i].last);
		else
			add_sequence(scope->view, facts.exists,
				numbers.range[i], uids);
	number_set_fini(&numbers);
}

/* Recursion is bounded by SEARCH_DEPTH_LIMIT. */
static void
resolve(const struct search_key *key, const struct search_scope *scope,
	struct search_meaning *meaning)
{
	struct search_meaning *mine = &meaning[key->index];
	if (key->kind == SEARCH_KEYWORD)
		mine->flag = flag_of_keyword(scope->view, key->name);
	if (key->kind == SEARCH_SEQUENCE || key->kind == SEARCH_UID)
		resolve_set(key, scope, &mine->uids);
	for (const struct search_key *child = key->child; child != NULL;
	    child = child->next)
		resolve(child, scope, meaning);
}

struct search_meaning *
search_meaning_new(const struct search *search,
	const struct search_scope *scope)
{
	struct search_meaning *meaning = memory_new_array(search->key_count,
		sizeof(*meaning));
	for (unsigned i = 0; i < search->key_count; i++)
		number_set_init(&meaning[i].uids);
	resolve(search->root, scope, meaning);
	return meaning;
}

void
search_meaning_free(const struct search *search,
	struct search_meaning **meaning)
{
	if (*meaning == NULL)
		return;
	for (unsigned i = 0; i < search->key_count; i++)
		number_set_fini(&(*meaning)[i].uids);
	memory_free(*meaning);
	*meaning = NULL;
}

/* ---- the whole mailbox at once ---- */

static void
intersect(struct number_set *uids, const struct number_set *with)
{
	struct number_set both;
	number_set_init(&both);
	number_set_intersect(&both, uids, with);
	number_set_fini(uids);
	*uids = both;
}

static void
keep_range(struct number_set *uids, uint32_t first, uint32_t last)
{
	struct number_set range;
	number_set_init(&range);
	if (first <= last)
		number_set_add(&range, first, last);
	intersect(uids, &range);
	number_set_fini(&range);
}

static void
keep_recent(const struct search_key *key, const struct search_scope *scope,
	struct number_set *uids)
{
	uint32_t first = scope->recent_first;
	if (key->set != 0)
		keep_range(uids, first, first == 0 ? 0 : UINT32_MAX);
	else if (first > 0)
		keep_range(uids, 1, first - 1);
}

static void
keep_changed(const struct search_key *key, const struct search_scope *scope,
	struct number_set *uids)
{
	struct number_set changed;
	if (key->number == 0)
		return;
	number_set_init(&changed);
	/* RFC 7162 3.1.5: equal or greater */
	store_view_changed(scope->view, key->number - 1, &changed);
	intersect(uids, &changed);
	number_set_fini(&changed);
}

/* The flags that all messages found must have, and those they must not. */
static void
take_flags(const struct search_key *key, struct search_meaning *mine,
	uint64_t *set, uint64_t *clear)
{
	if (key->kind == SEARCH_FLAGS) {
		*set |= key->set;
		*clear |= key->clear;
		mine->is_answered = true;
	} else if (key->kind == SEARCH_RECENT) {
		*clear |= key->clear;
	} else if (key->kind == SEARCH_KEYWORD && mine->flag != 0) {
		*(key->set != 0 ? set : clear) |= mine->flag;
		mine->is_answered = true;
	}
}

/* Narrows by a key that is not about flags. */
static void
narrow(const struct search_key *key, const struct search_scope *scope,
	struct search_meaning *mine, struct number_set *uids)
{
	switch (key->kind) {
	case SEARCH_ALL:
		break;
	case SEARCH_RECENT:
		keep_recent(key, scope, uids);
		break;
	case SEARCH_SEQUENCE:
	case SEARCH_UID:
		intersect(uids, &mine->uids);
		break;
	case SEARCH_MODSEQ:
		keep_changed(key, scope, uids);
		break;
	default:
		return;
	}
	mine->is_answered = true;
}

void
search_candidates(const struct search *search,
	const struct search_scope *scope, struct search_meaning *meaning,
	struct number_set *uids)
{
	uint64_t set = 0, clear = 0;
	const struct search_key *key;
	for (key = search->root->child; key != NULL; key = key->next)
		take_flags(key, &meaning[key->index], &set, &clear);
	/* One flag that is asked for both ways is had by nobody. */
	if ((set & clear) == 0)
		store_view_uids(scope->view, set, clear, uids);
	for (key = search->root->child; key != NULL; key = key->next)
		narrow(key, scope, &meaning[key->index], uids);
}

/* ---- one message ---- */

static int64_t
day_of(int64_t seconds, int zone)
{
	seconds += (int64_t)zone * 60;
	return seconds / DAY - (seconds % DAY < 0);
}

bool
search_day_matches(const struct search_key *key, int64_t seconds, int zone)
{
	int64_t day = day_of(seconds, zone);
	switch (key->order) {
	case SEARCH_BEFORE:
		return day < key->days;
	case SEARCH_ON:
		return day == key->days;
	case SEARCH_SINCE:
		return day >= key->days;
	}
	return false;
}

static bool
keyword_matches(const struct search_key *key, uint64_t flag, uint64_t flags)
{
	return ((flags & flag) != 0) == (key->set != 0);
}

static bool
recent_matches(const struct search_key *key, const struct search_scope *scope,
	const struct store_message *message)
{
	bool is_recent = scope->recent_first != 0 &&
		message->uid >= scope->recent_first;
	return is_recent == (key->set != 0) &&
		(message->flags & key->clear) == 0;
}

/* RFC 5032: YOUNGER n came within the last n seconds, OLDER n before. */
static bool
age_matches(const struct search_key *key, const struct search_scope *scope,
	const struct store_message *message)
{
	int64_t since = scope->now - (int64_t)key->number;
	return key->order == SEARCH_BEFORE ? message->internal_date <= since :
		message->internal_date >= since;
}

bool
search_view_matches(const struct search_key *key,
	const struct search_meaning *meaning, const struct search_scope *scope,
	const struct store_message *message)
{
	const struct search_meaning *mine = &meaning[key->index];
	switch (key->kind) {
	case SEARCH_FLAGS:
		return (message->flags & key->set) == key->set &&
			(message->flags & key->clear) == 0;
	case SEARCH_KEYWORD:
		return keyword_matches(key, mine->flag, message->flags);
	case SEARCH_RECENT:
		return recent_matches(key, scope, message);
	case SEARCH_SEQUENCE:
	case SEARCH_UID:
		return number_set_contains(&mine->uids, message->uid);
	case SEARCH_LARGER:
		return message->size > key->number;
	case SEARCH_SMALLER:
		return message->size < key->number;
	case SEARCH_INTERNAL_DATE:
		return search_day_matches(key, message->internal_date,
			message->zone);
	case SEARCH_SAVE_DATE:
		return search_day_matches(key, message->save_date, 0);
	case SEARCH_AGE:
		return age_matches(key, scope, message);
	case SEARCH_MODSEQ:
		return message->modseq >= key->number;
	default:
		return true;	/* SEARCH_ALL */
	}
}
