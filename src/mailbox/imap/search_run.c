/*
 * SEARCH over a view: candidates from the view as a whole, then message by
 * message what is left of the keys, the cheap ones first. Memory is that of one
 * message's structure and a few pieces of text.
 */
#include "base/clock.h"
#include "mailbox/imap/search_text.h"
#include "proto/charset.h"
#include "proto/date.h"

enum { CLOCK_INTERVAL = 256 };	/* messages between looks at the clock */

struct run {
	const struct search *search;
	const struct search_scope *scope;
	struct search_meaning *meaning;
	struct arena arena;		/* of the whole search */
	struct search_text text;
	struct buffer utf8;		/* of a header being folded */
	struct error *error;
	/* of the message in hand */
	struct store_message message;
	struct arena message_arena;
	struct fetch_message fetch;
	struct span header;
	bool has_header, has_text;
	enum fetch_verdict verdict;	/* not OK: evaluation has stopped */
};

static bool
matches(struct run *run, const struct search_key *key);

/* ---- what is inside the message ---- */

/* The structure; false when the message cannot be looked at. */
static bool
has_tree(struct run *run)
{
	if (run->verdict == FETCH_OK)
		run->verdict = fetch_message_tree(&run->fetch, run->error);
	return run->verdict == FETCH_OK;
}

static bool
has_header(struct run *run)
{
	if (!has_tree(run))
		return false;
	if (!run->has_header)
		run->verdict = search_text_header(&run->fetch,
			run->fetch.tree, &run->header, run->error);
	run->has_header = run->verdict == FETCH_OK;
	return run->has_header;
}

/* RFC 9051 6.4.4: the day that the Date field says, whatever its zone. */
static bool
sent_date_matches(struct run *run, const struct search_key *key)
{
	int64_t seconds;
	int zone;
	return has_tree(run) && date_parse_header(
		run->fetch.tree->envelope->date, &seconds, &zone) &&
		search_day_matches(key, seconds, zone);
}

/* An unfolded value of a field that is there. */
static bool
value_matches(struct run *run, const struct search_key *key,
	struct span value)
{
	if (key->needle.size == 0)	/* the field is there: enough */
		return true;
	buffer_clear(&run->utf8);
	charset_fold(&run->utf8, search_text_value(&run->fetch, value));
	struct span folded = buffer_span(&run->utf8);
	return key->needle.size <= folded.size &&
		span_search(folded, key->needle) < folded.size;
}

static bool
envelope_matches(struct run *run, const struct search_key *key)
{
	if (!has_tree(run))
		return false;
	const struct mime_envelope *envelope = run->fetch.tree->envelope;
	const struct {
		struct span name, value;
	} fields[] = {
		{ SPAN("Subject"), envelope->subject },
		{ SPAN("From"), envelope->from }, { SPAN("To"), envelope->to },
		{ SPAN("Cc"), envelope->cc }, { SPAN("Bcc"), envelope->bcc },
		{ SPAN("Message-ID"), envelope->message_id },
		{ SPAN("In-Reply-To"), envelope->in_reply_to },
		{ SPAN("Date"), envelope->date },
		{ SPAN("Sender"), envelope->sender },
		{ SPAN("Reply-To"), envelope->reply_to },
	};
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (span_equals_nocase(fields[i].name, key->name))
			return fields[i].value.data != NULL &&
				value_matches(run, key, fields[i].value);
	return false;
}

static bool
header_matches(struct run *run, const struct search_key *key)
{
	struct mime_field field;
	if (key->cost == SEARCH_COST_ENVELOPE)
		return envelope_matches(run, key);
	if (!has_header(run))
		return false;
	struct span rest = run->header;
	while (mime_next_field(&rest, &field))
		if (span_equals_nocase(field.name, key->name) &&
		    value_matches(run, key, mime_unfold(&run->message_arena,
		    field.value)))
			return true;
	return false;
}

static bool
text_matches(struct run *run, const struct search_key *key)
{
	if (!run->has_text && run->verdict == FETCH_OK)
		run->verdict = search_text_scan(&run->text, &run->fetch,
			run->error);
	if (run->verdict != FETCH_OK)
		return false;
	run->has_text = true;
	for (size_t i = 0; i < run->text.count; i++)
		if (run->text.key[i] == key)
			return run->text.is_found[i];
	return false;
}

/* ---- keys ---- */

static bool
all_match(struct run *run, const struct search_key *key)
{
	for (key = key->child; key != NULL; key = key->next)
		if (!run->meaning[key->index].is_answered &&
		    (!matches(run, key) || run->verdict != FETCH_OK))
			return false;
	return true;
}

static bool
one_matches(struct run *run, const struct search_key *key)
{
	for (key = key->child; key != NULL; key = key->next)
		if (matches(run, key))
			return true;
	return false;
}

/* Recursion is bounded by SEARCH_DEPTH_LIMIT. */
static bool
matches(struct run *run, const struct search_key *key)
{
	switch (key->kind) {
	case SEARCH_AND:
		return all_match(run, key);
	case SEARCH_OR:
		return one_matches(run, key);
	case SEARCH_NOT:
		return !matches(run, key->child);
	case SEARCH_SENT_DATE:
		return sent_date_matches(run, key);
	case SEARCH_HEADER:
		return header_matches(run, key);
	case SEARCH_BODY:
	case SEARCH_TEXT:
		return text_matches(run, key);
	default:
		return search_view_matches(key, run->meaning, run->scope,
			&run->message);
	}
}

/* ---- messages ---- */

/* -1: our trouble. What was expunged meanwhile does not match. */
static int
try_message(struct run *run, bool *is_match)
{
	run->verdict = FETCH_OK;
	run->has_header = run->has_text = false;
	fetch_message_init(&run->fetch, run->scope->account, &run->message,
		&run->message_arena);
	*is_match = matches(run, run->search->root) &&
		run->verdict == FETCH_OK;
	fetch_message_fini(&run->fetch);
	if (run->message_arena.used > 0)
		arena_fini(&run->message_arena);
	return run->verdict == FETCH_TROUBLE ? -1 : 0;
}

static int
try_candidates(struct run *run, const struct number_set *candidates,
	struct number_set *uids)
{
	uint32_t uid = 0;
	unsigned count = 0;
	for (; number_set_next(candidates, uid, &uid); uid++) {
		bool is_match;
		if (++count % CLOCK_INTERVAL == 0 &&
		    clock_monotonic() >= run->scope->deadline)
			return error_set(run->error, ERROR_TIMEOUT,
				"searching takes too long");
		if (!store_view_by_uid(run->scope->view, uid, &run->message))
			continue;
		if (try_message(run, &is_match) < 0)
			return -1;
		if (is_match)
			number_set_add(uids, uid, uid);
		if (uid == UINT32_MAX)
			break;
	}
	return 0;
}

/* Are all keys answered by the candidates? */
static bool
is_answered(const struct run *run)
{
	for (const struct search_key *key = run->search->root->child;
	    key != NULL; key = key->next)
		if (!run->meaning[key->index].is_answered)
			return false;
	return true;
}

int
search_run(const struct search *search, const struct search_scope *scope,
	struct number_set *uids, struct error *error)
{
	struct run run = { .search = search, .scope = scope, .error = error };
	struct number_set candidates;
	int result = 0;
	number_set_init(&candidates);
	arena_init(&run.arena, 0);
	arena_init(&run.message_arena, 0);
	buffer_init(&run.utf8, 0);
	search_text_init(&run.text, search, &run.arena);
	run.text.deadline = scope->deadline;
	run.meaning = search_meaning_new(search, scope);
	search_candidates(search, scope, run.meaning, &candidates);
	if (is_answered(&run))
		number_set_intersect(uids, &candidates, &candidates);
	else
		result = try_candidates(&run, &candidates, uids);
	search_meaning_free(search, &run.meaning);
	search_text_fini(&run.text);
	buffer_fini(&run.utf8);
	arena_fini(&run.message_arena);
	arena_fini(&run.arena);
	number_set_fini(&candidates);
	return result;
}
