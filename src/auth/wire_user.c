/*
 * auth-user: who is ours, and where mail for an address goes, asked by smtpd
 * and queue (ARCHITECTURE.md 2.2). What an address expands to is told to the
 * queue only.
 */
#include <inttypes.h>

#include "auth/auth.h"
#include "auth/wire.h"
#include "base/log.h"

enum { PIECE = TABLINE_LIMIT / 2 };	/* bytes of an answer's line, about */

static void
fail_trouble(struct wire_request *request, const struct error *error)
{
	log_event(LOG_ERROR, "accounts-trouble", NULL,
		LOG_SPAN("asked", request->fields.field[0]),
		LOG_TEXT("error", error->text));
	wire_fail(request, error);
}

/* Over quota when nobody is left who could take the message. */
static bool
is_over(const struct accounts_expansion *expansion)
{
	for (size_t i = 0; i < expansion->count; i++)
		if (!expansion->target[i].is_local ||
			!expansion->target[i].is_over)
			return false;
	return true;
}

/* A directory was asked: true for some seconds, not until something changes. */
static void
end(struct wire_request *request, const struct accounts_expansion *expansion)
{
	if (expansion->is_brief)
		wire_add(request, "brief", SPAN("yes"));
	wire_end(request);
}

static void
run_rcpt(struct wire_request *request)
{
	struct accounts_expansion expansion;
	struct error error;
	switch (accounts_expand(auth.accounts, request->fields.field[2],
		request->arena, &expansion, &error)) {
	case ACCOUNTS_FOUND:
		wire_answer(request, "OK");
		wire_add(request, "class", SPAN("local"));
		if (is_over(&expansion))
			wire_add(request, "over", SPAN("yes"));
		end(request, &expansion);
		break;
	case ACCOUNTS_REMOTE:
		wire_answer(request, "OK");
		wire_add(request, "class", SPAN("remote"));
		end(request, &expansion);
		break;
	case ACCOUNTS_NOT_FOUND:
		wire_answer(request, "NOTFOUND");
		end(request, &expansion);
		break;
	case ACCOUNTS_TROUBLE:
		fail_trouble(request, &error);
		break;
	}
}

/* An account may send as each address that would bring it the answer. */
static void
run_sender(struct wire_request *request)
{
	struct accounts_expansion expansion = { .count = 0 };
	struct error error;
	uint64_t account;
	bool may_send = false;
	enum accounts_verdict verdict = ACCOUNTS_NOT_FOUND;
	if (span_to_hex_number(request->fields.field[2], &account))
		verdict = accounts_expand(auth.accounts,
			request->fields.field[3], request->arena, &expansion,
			&error);
	if (verdict == ACCOUNTS_TROUBLE) {
		fail_trouble(request, &error);
		return;
	}
	for (size_t i = 0; verdict == ACCOUNTS_FOUND &&
		i < expansion.count; i++)
		if (expansion.target[i].is_local &&
			expansion.target[i].account == account)
			may_send = true;
	wire_answer(request, may_send ? "OK" : "NOTFOUND");
	end(request, &expansion);
}

/* One target, and what is said of it in the fields behind. */
static void
add_target(struct buffer *out, struct arena *arena,
	const struct accounts_target *target)
{
	struct span address = target->address;
	if (target->is_local)
		tabline_add_pair(out, "local", arena_print(arena,
			"%016" PRIx64 ":%" PRIu64 ":%.*s", target->account,
			target->quota, SPAN_PRINT(address)));
	else if (target->is_program)
		tabline_add_pair(out, "program", arena_print(arena,
			"%" PRIu32 ":aliases:%u:%.*s", target->owner,
			target->index, SPAN_PRINT(address)));
	else
		tabline_add_pair(out, "remote", address);
	if (target->is_program)
		tabline_add_pair(out, "key", target->key);
	if (target->is_final)
		tabline_add_pair(out, "final", SPAN("yes"));
	if (target->sender.size > 0)
		tabline_add_pair(out, "sender", target->sender);
}

static void
answer_piece(struct wire_request *request, const char *word,
	struct buffer *fields)
{
	wire_answer(request, word);
	if (fields->size > 0)
		buffer_add_byte(request->out, '\t');
	buffer_add(request->out, buffer_span(fields));
	wire_end(request);
	buffer_clear(fields);
}

/* Those of a long list in several lines, which readers bound. */
static void
answer_targets(struct wire_request *request,
	const struct accounts_expansion *expansion)
{
	struct buffer fields;
	buffer_init(&fields, 0);
	for (size_t i = 0; i < expansion->count; i++) {
		add_target(&fields, request->arena, &expansion->target[i]);
		if (fields.size >= PIECE)
			answer_piece(request, "MORE", &fields);
	}
	if (expansion->is_brief)
		tabline_add_pair(&fields, "brief", SPAN("yes"));
	answer_piece(request, "OK", &fields);
	buffer_fini(&fields);
}

static void
run_expand(struct wire_request *request)
{
	struct accounts_expansion expansion;
	struct error error;
	switch (accounts_expand(auth.accounts, request->fields.field[2],
		request->arena, &expansion, &error)) {
	case ACCOUNTS_FOUND:
	case ACCOUNTS_REMOTE:
		answer_targets(request, &expansion);
		break;
	case ACCOUNTS_NOT_FOUND:
		wire_answer(request, "NOTFOUND");
		end(request, &expansion);
		break;
	case ACCOUNTS_TROUBLE:
		fail_trouble(request, &error);
		break;
	}
}

/* The reverse-path of mail that is forwarded; NOTFOUND: as it is. */
static void
run_forward(struct wire_request *request)
{
	struct span address;
	bool is_new = accounts_forward(auth.accounts, request->fields.field[2],
		request->arena, &address);
	wire_answer(request, is_new ? "OK" : "NOTFOUND");
	if (is_new)
		wire_add(request, "address", address);
	wire_end(request);
}

static const struct wire_command commands[] = {
	{ "RCPT", 3, NULL, run_rcpt },
	{ "SENDER", 4, NULL, run_sender },
	{ "EXPAND", 3, "queue", run_expand },
	{ "FORWARD", 3, "queue", run_forward },
	{ NULL, 0, NULL, NULL },
};

const struct wire_service wire_user = { "auth-user", commands, NULL };
