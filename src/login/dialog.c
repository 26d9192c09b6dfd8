/*
 * SASL over IMAP and POP3. Runs in login, on bytes of strangers; what they mean
 * is for auth to say.
 */
#include "login/dialog.h"

#include <string.h>

#include "base/clock.h"
#include "login/handoff.h"

bool
dialog_may_send_password(const struct client *client)
{
	return login_may_send_password(client->rules, &client->facts.client,
		client->facts.is_tls);
}

bool
dialog_takes_password(struct client *client)
{
	struct sasl_caller *caller = client->login->sasl;
	struct buffer all;
	if (!dialog_may_send_password(client))
		return false;
	buffer_init(&all, 0);
	sasl_caller_offer(caller, &client->facts, true, " ", &all);
	bool is_known = all.size > 0;
	buffer_fini(&all);
	return !is_known || sasl_caller_offers(caller, &client->facts, true,
		SPAN("PLAIN"));
}

/* ---- verdicts ---- */

void
dialog_reply_failure(struct client *client, enum reply reply)
{
	client_reply(client, reply);
	if (client->failures < LOGIN_FAILURE_LIMIT)
		return;
	client_reply(client, REPLY_TOO_MANY_FAILURES);
	client_leave(client, "too many failed logins");
}

static enum reply
reply_of(enum sasl_call_verdict verdict, struct span code)
{
	static const struct {
		const char *code;
		enum reply reply;
	} codes[] = {
		{ "authorization", REPLY_AUTHORIZATION },
		{ "barred", REPLY_BARRED },
		{ "binding", REPLY_BINDING },
		{ "limit", REPLY_LIMIT },
		{ "plaintext", REPLY_NOT_SECURE },
		{ "network", REPLY_NETWORK },
		{ "mechanism", REPLY_MECHANISM },
		{ "syntax", REPLY_RESPONSE },
	};
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (span_equals(span_from(codes[i].code), code))
			return codes[i].reply;
	return verdict == SASL_CALL_LATER ? REPLY_LATER : REPLY_CREDENTIALS;
}

static void
refuse(struct client *client, enum sasl_call_verdict verdict,
	const struct sasl_call_answer *answer)
{
	enum reply reply = reply_of(verdict, answer->code);
	client->phase = CLIENT_COMMAND;
	log_event(LOG_INFO, "login-failed", &client->scope,
		LOG_SPAN("reason", answer->reason));
	if (reply == REPLY_CREDENTIALS)
		client->failures++;
	if (answer->delay <= 0) {
		dialog_reply_failure(client, reply);
		return;
	}
	client->phase = CLIENT_PENALTY;
	client->pending = reply;
	client->release = clock_monotonic() + answer->delay;
}

static void
ask(struct client *client, struct span challenge)
{
	client->phase = CLIENT_SASL;
	client_print(client, "+ %.*s\r\n", SPAN_PRINT(challenge));
}

static void
take_verdict(struct client *client, enum sasl_call_verdict verdict,
	const struct sasl_call_answer *answer)
{
	switch (verdict) {
	case SASL_CALL_CONTINUE:
		ask(client, answer->challenge);
		return;
	case SASL_CALL_OK:
		if (!answer->has_ticket)
			break;
		client->phase = CLIENT_COMMAND;
		client->account = answer->account;
		memcpy(client->user, answer->user, sizeof(client->user));
		memcpy(client->ticket, answer->ticket, sizeof(client->ticket));
		if (!answer->has_challenge) {
			handoff(client);
			return;
		}
		/* RFC 4422 3.6: the server's last data, as a challenge. */
		client->is_sasl_over = true;
		ask(client, answer->challenge);
		return;
	case SASL_CALL_FAILED:
	case SASL_CALL_LATER:
		break;
	}
	refuse(client, verdict == SASL_CALL_FAILED ? verdict :
		SASL_CALL_LATER, answer);
}

/* ---- turns ---- */

/*
 * Half of the workers may be at auth; who comes then stands in a line without
 * one, and what it said is looked at again when it is its turn. False: not now,
 * or never, and then that has been said.
 */
static bool
enter(struct client *client)
{
	client->turn.session = &client->session;
	switch (turnstile_enter(&client->login->turnstile, &client->turn,
		clock_monotonic())) {
	case TURNSTILE_ENTERED:
		return true;
	case TURNSTILE_WAIT:
		client->is_in_line = true;
		return false;
	case TURNSTILE_LATER:
		break;
	}
	client->phase = CLIENT_COMMAND;
	client_reply(client, REPLY_LATER);
	return false;
}

static void
leave(struct client *client)
{
	turnstile_leave(&client->login->turnstile, clock_monotonic());
}

/* ---- steps ---- */

static void
give_up(struct client *client, enum reply reply)
{
	sasl_call_cancel(client->login->sasl, &client->sasl);
	client->is_sasl_over = false;
	client->account = 0;
	client->phase = CLIENT_COMMAND;
	client_bad(client, reply);
}

static void
take_response(struct client *client, struct span line)
{
	struct sasl_call_answer answer;
	struct arena arena;
	if (!enter(client))
		return;
	arena_init(&arena, 0);
	enum sasl_call_verdict verdict = sasl_call_continue(
		client->login->sasl, &client->sasl, line, &arena, &answer);
	leave(client);
	take_verdict(client, verdict, &answer);
	arena_fini(&arena);
}

bool
dialog_next(struct client *client)
{
	struct span line;
	bool is_too_long;
	size_t start = client->in_start;
	if (!client_next_line(client, LOGIN_RESPONSE_LIMIT, &line,
		&is_too_long))
		return false;
	if (is_too_long) {
		give_up(client, REPLY_LINE_TOO_LONG);
	} else if (span_equals(line, SPAN("*"))) {
		give_up(client, REPLY_CANCELLED);
	} else if (!sasl_call_is_response(line)) {
		give_up(client, REPLY_RESPONSE);
	} else if (!client->is_sasl_over) {
		take_response(client, line);
	} else if (line.size > 0) {
		give_up(client, REPLY_RESPONSE);
	} else {
		client->is_sasl_over = false;
		client->phase = CLIENT_COMMAND;
		handoff(client);
	}
	if (client->is_in_line)
		client->in_start = start;
	return !client->is_in_line;
}

/* ---- beginnings ---- */

/* False when this network has tried too often; that has been said. */
static bool
count_attempt(struct client *client)
{
	if (login_is_exempt(client->rules, &client->facts.client) ||
		limit_event(client->login->limits[LOGIN_IMAP],
		&client->facts.client, LIMIT_AUTH, client->rules->attempts,
		clock_monotonic()))
		return true;
	client_reply(client, REPLY_LIMIT);
	return false;
}

static bool
is_offered(struct client *client, struct span mechanism)
{
	struct sasl_caller *caller = client->login->sasl;
	bool may_send = dialog_may_send_password(client);
	if (sasl_caller_offers(caller, &client->facts, may_send, mechanism))
		return true;
	/* Which of the reasons is it? */
	struct buffer all;
	buffer_init(&all, 0);
	sasl_caller_offer(caller, &client->facts, true, " ", &all);
	client_reply(client, all.size == 0 ? REPLY_LATER :
		sasl_caller_offers(caller, &client->facts, true, mechanism) ?
		REPLY_NOT_SECURE : REPLY_MECHANISM);
	buffer_fini(&all);
	return false;
}

void
dialog_begin(struct client *client, struct span mechanism,
	struct span response)
{
	struct sasl_call_answer answer;
	struct arena arena;
	bool has_response = response.data != NULL;
	/* RFC 4959 3, RFC 5034 4: "=" is a response of no octets. */
	if (span_equals(response, SPAN("=")))
		response = SPAN("");
	if (!sasl_call_is_response(response)) {
		client_bad(client, REPLY_RESPONSE);
		return;
	}
	if (!is_offered(client, mechanism) || !enter(client))
		return;
	if (!count_attempt(client)) {
		leave(client);
		return;
	}
	struct sasl_call_start start = { mechanism, client->protocol->name,
		&client->facts, has_response, response };
	arena_init(&arena, 0);
	enum sasl_call_verdict verdict = sasl_call_begin(client->login->sasl,
		&client->sasl, &start, &arena, &answer);
	leave(client);
	take_verdict(client, verdict, &answer);
	arena_fini(&arena);
}

void
dialog_login(struct client *client, struct span name, struct span password)
{
	struct sasl_call_answer answer;
	struct arena arena;
	if (!dialog_may_send_password(client)) {
		client_reply(client, REPLY_NOT_SECURE);
		return;
	}
	if (!enter(client))
		return;
	/* Where auth takes no passwords it says so itself. */
	if (!count_attempt(client)) {
		leave(client);
		return;
	}
	arena_init(&arena, 0);
	enum sasl_call_verdict verdict = sasl_call_plain(client->login->sasl,
		client->protocol->name, &client->facts, name, password, &arena,
		&answer);
	leave(client);
	take_verdict(client, verdict, &answer);
	arena_fini(&arena);
}
