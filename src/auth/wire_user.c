/*
 * auth-user: who is ours, and where mail for an address goes, asked by smtpd
 * and queue (ARCHITECTURE.md 2.2). What an address expands to is told to the
 * queue only.
 */
#include <inttypes.h>

#include "auth/auth.h"
#include "auth/wire.h"
#include "base/log.h"

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
		wire_end(request);
		break;
	case ACCOUNTS_REMOTE:
		wire_answer(request, "OK");
		wire_add(request, "class", SPAN("remote"));
		wire_end(request);
		break;
	case ACCOUNTS_NOT_FOUND:
		wire_answer(request, "NOTFOUND");
		wire_end(request);
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
	struct accounts_expansion expansion;
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
	wire_end(request);
}

static void
add_target(struct wire_request *request, const struct accounts_target *target)
{
	if (target->is_local) {
		struct span value = arena_print(request->arena,
			"%016" PRIx64 ":%" PRIu64 ":%.*s", target->account,
			target->quota, SPAN_PRINT(target->address));
		wire_add(request, "local", value);
	} else {
		wire_add(request, "remote", target->address);
	}
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
		wire_answer(request, "OK");
		for (size_t i = 0; i < expansion.count; i++)
			add_target(request, &expansion.target[i]);
		wire_end(request);
		break;
	case ACCOUNTS_NOT_FOUND:
		wire_answer(request, "NOTFOUND");
		wire_end(request);
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
