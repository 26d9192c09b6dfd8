/* See system_call.h. Runs on the workers of auth. */
#include "auth/system_call.h"

#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "serve/tab_call.h"

static struct {
	struct wire_pool *find, *check;
} pools;

void
system_call_init(struct lot *lot)
{
	pools.find = wire_pool_new(lot, "pam-question", 0);
	pools.check = wire_pool_new(lot, "pam-question", 0);
	wire_pool_set_most(pools.find, SYSTEM_CALL_MOST);
	wire_pool_set_most(pools.check, SYSTEM_CALL_MOST);
}

void
system_call_fini(void)
{
	wire_pool_free(&pools.find);
	wire_pool_free(&pools.check);
}

/* ---- one question ---- */

/* The words of an answer, as verdicts. */
struct word {
	const char *word;
	enum system_verdict verdict;
};

static enum system_verdict
read_word(const struct tabline *fields, const struct word *words,
	struct error *error)
{
	struct span reason = SPAN("it answers nonsense");
	bool is_mine = fields->count >= 2 &&
		span_equals(fields->field[1], SPAN("1"));
	for (; is_mine && words->word != NULL; words++)
		if (span_equals(fields->field[0], span_from(words->word)))
			return words->verdict;
	if (is_mine)
		tabline_get(fields, 2, "reason", &reason);
	error_set(error, ERROR_LATER, "pam: %.*s",
		SPAN_PRINT(span_first(reason, 200)));
	return SYSTEM_LATER;
}

/*
 * A wire that was kept may have died with an earlier pam: then once more over a
 * new one. Each wire has one question at a time, so its id is always 1. NULL:
 * later.
 */
static struct wire *
call(struct wire_pool *pool, int64_t wait, struct span question,
	struct span *line, struct error *error)
{
	int64_t deadline = clock_monotonic() + wait;
	for (;;) {
		struct wire *wire = wire_take(pool, deadline, error);
		if (wire == NULL)
			return NULL;
		bool is_again = !wire->is_new;
		if (tab_call_send(wire, question, error) == 0 &&
			tab_call_read(wire, line, error) == 0)
			return wire;
		wire_drop(&wire);
		if (!is_again || error->code == ERROR_TIMEOUT)
			return NULL;
	}
}

/* Takes the whole answer apart; the fields live in the arena. */
static bool
ask(struct wire_pool *pool, int64_t wait, struct span question,
	struct arena *arena, struct tabline *fields, struct error *error)
{
	struct span line;
	struct wire *wire = call(pool, wait, question, &line, error);
	if (wire == NULL)
		return false;
	bool ok = tabline_parse(arena_copy(arena, line), arena, fields);
	if (ok)
		wire_give(&wire);
	else
		wire_drop(&wire);
	if (!ok)
		error_set(error, ERROR_DAMAGED, "pam answers nonsense");
	return ok;
}

/* ---- the calls ---- */

static bool
take_user(const struct tabline *fields, struct system_user *user)
{
	struct span name, number;
	uint64_t uid;
	if (!tabline_get(fields, 2, "user", &name) ||
		!system_user_is_name(name) ||
		!tabline_get(fields, 2, "uid", &number) ||
		!span_to_number(number, UINT32_MAX - 1, &uid))
		return false;
	*user = (struct system_user){ .uid = (uint32_t)uid };
	memcpy(user->name, name.data, name.size);
	return true;
}

static enum system_verdict
find(struct span name, uint32_t uid, struct system_user *user,
	struct error *error)
{
	static const struct word words[] = { { "OK", SYSTEM_YES },
		{ "NOTFOUND", SYSTEM_NO }, { NULL, 0 } };
	enum system_verdict verdict = SYSTEM_LATER;
	struct tabline fields;
	struct arena arena;
	struct buffer question;
	buffer_init(&question, 0);
	arena_init(&arena, 0);
	buffer_add_string(&question, "LOOKUP\t1");
	if (name.data != NULL)
		tabline_add_pair(&question, "user", name);
	else
		buffer_print(&question, "\tuid=%u", (unsigned)uid);
	tabline_end(&question);
	if (ask(pools.find, SYSTEM_CALL_FIND_WAIT, buffer_span(&question),
		&arena, &fields, error))
		verdict = read_word(&fields, words, error);
	if (verdict == SYSTEM_YES && !take_user(&fields, user)) {
		error_set(error, ERROR_DAMAGED, "pam: it answers nonsense");
		verdict = SYSTEM_LATER;
	}
	arena_fini(&arena);
	buffer_fini(&question);
	return verdict;
}

static void
wipe(struct buffer *buffer)
{
	if (buffer->room > 0)
		explicit_bzero(buffer->data, buffer->room);
	buffer_fini(buffer);
}

static enum system_verdict
check(const struct system_password *password, struct error *error)
{
	static const struct word words[] = { { "OK", SYSTEM_YES },
		{ "FAIL", SYSTEM_NO }, { NULL, 0 } };
	enum system_verdict verdict = SYSTEM_LATER;
	struct tabline fields;
	struct arena arena;
	struct buffer question, text;
	buffer_init(&question, 0);
	buffer_init(&text, 0);
	arena_init(&arena, 0);
	base64_encode(&text, password->password);
	buffer_add_string(&question, "CHECK\t1");
	tabline_add_pair(&question, "user", span_from(password->user));
	tabline_add_pair(&question, "password", buffer_span(&text));
	tabline_add_pair(&question, "rip", span_from(password->remote));
	tabline_add_pair(&question, "service", span_from(password->service));
	tabline_end(&question);
	wipe(&text);
	if (ask(pools.check, SYSTEM_CALL_CHECK_WAIT, buffer_span(&question),
		&arena, &fields, error))
		verdict = read_word(&fields, words, error);
	if (verdict == SYSTEM_NO && tabline_has(&fields, 2, "barred"))
		verdict = SYSTEM_BARRED;
	wipe(&question);
	arena_fini(&arena);
	return verdict;
}

const struct system_calls system_calls = { find, check };
