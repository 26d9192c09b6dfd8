/*
 * SEARCH in a mailbox of one message, which is the input: whatever a stranger
 * sent, every key has an answer, and its opposite the opposite answer.
 */
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "fuzz.h"
#include "mailbox/imap/search.h"

static struct span message;

/* ---- the mailbox ---- */

void
store_view_facts(const struct store_view *view, struct store_view_facts *facts)
{
	(void)view;
	*facts = (struct store_view_facts){ .exists = 1 };
}

struct span
store_view_keyword(const struct store_view *view, size_t i)
{
	(void)view, (void)i;
	return SPAN("");
}

bool
store_view_by_uid(const struct store_view *view, uint32_t uid,
	struct store_message *found)
{
	(void)view;
	*found = (struct store_message){ .uid = 1, .sequence = 1, .email = 1,
		.size = message.size };
	return uid == 1;
}

uint32_t
store_view_uid(const struct store_view *view, uint32_t sequence)
{
	(void)view;
	return sequence;
}

void
store_view_uids(const struct store_view *view, uint64_t set, uint64_t clear,
	struct number_set *uids)
{
	(void)view, (void)clear;
	if (set == 0)
		number_set_add(uids, 1, 1);
}

void
store_view_changed(const struct store_view *view, uint64_t since,
	struct number_set *uids)
{
	(void)view, (void)since, (void)uids;
}

uint64_t
store_account_id(const struct store_account *account)
{
	(void)account;
	return 1;
}

enum store_verdict
store_body_open(struct store_account *account,
	const struct store_message *found, struct store_body *body,
	struct error *error)
{
	(void)account, (void)found, (void)error;
	*body = (struct store_body){ .size = message.size };
	return STORE_OK;
}

int
store_body_read(const struct store_body *body, uint64_t at, void *out,
	size_t size, struct error *error)
{
	(void)body, (void)error;
	assert(at + size <= message.size);
	memcpy(out, message.data + at, size);
	return 0;
}

void
store_body_close(struct store_body *body)
{
	body->size = 0;
}

enum store_verdict
store_body_head(struct store_account *account,
	const struct store_message *found, size_t size, struct buffer *out,
	struct error *error)
{
	(void)account, (void)found, (void)error;
	buffer_add(out, span_first(message, size));
	return STORE_OK;
}

bool
store_cache_get(struct store_account *account, uint64_t email,
	enum store_cache kind, struct arena *arena, struct span *bytes)
{
	(void)account, (void)email, (void)kind, (void)arena, (void)bytes;
	return false;
}

void
store_cache_put(struct store_account *account, uint64_t email,
	enum store_cache kind, struct span bytes)
{
	(void)account, (void)email, (void)kind, (void)bytes;
}

/* ---- searching it ---- */

static bool
is_found(const char *program)
{
	struct arena arena;
	struct imap_parse parse;
	struct search *search;
	struct number_set uids, saved;
	struct error error;
	arena_init(&arena, 0);
	number_set_init(&uids);
	number_set_init(&saved);
	imap_parse_init(&parse, span_from(program), &arena, true);
	enum search_verdict verdict = search_parse(&parse, &search);
	assert(verdict == SEARCH_OK);
	struct search_scope scope = { .saved = &saved,
		.deadline = clock_monotonic() + 60000 };
	int result = search_run(search, &scope, &uids, &error);
	assert(result == 0);
	bool found = uids.count > 0;
	number_set_fini(&uids);
	number_set_fini(&saved);
	arena_fini(&arena);
	return found;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	message = span_of(data, size);
	assert(is_found("TEXT abc") != is_found("NOT TEXT abc"));
	assert(is_found("BODY \"\xe4\xb8\xad\"") !=
		is_found("NOT BODY \"\xe4\xb8\xad\""));
	/* what is in the body is in the text */
	assert(!is_found("BODY x") || is_found("TEXT x"));
	assert(!is_found("SUBJECT \"a b\"") || is_found("TEXT \"a b\""));
	is_found("OR SENTON 1-Feb-1994 HEADER X-Y \"\" FROM a HEADER Z b");
	return 0;
}
