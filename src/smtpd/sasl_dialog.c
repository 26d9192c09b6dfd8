/*
 * AUTH (RFC 4954). auth knows the mechanisms; here are the rules of where a
 * login may happen, and the form of the lines.
 *
 * AUTH is offered on the submission ports (RFC 6409 4.3). On port 25, where
 * other hosts deliver, it is offered only with smtpd_sasl_auth_enable: nobody
 * who delivers there logs in, but many who guess passwords try.
 */
#include "smtpd/sasl_dialog.h"

#include <string.h>

#include "base/clock.h"
#include "serve/counter.h"

static bool
is_offered(const struct conversation *conversation)
{
	const struct smtp_parked *parked = &conversation->parked;
	if (!conversation_is_submission(conversation) &&
	    (parked->service != SERVICE_SMTP ||
	    !conversation->rules->has_auth_on_smtp))
		return false;
	return parked->account == 0;
}

static bool
may_send_password(const struct conversation *conversation)
{
	const struct proxy2 *facts = &conversation->parked.facts;
	return rules_may_send_password(conversation->rules, &facts->client,
		facts->is_tls);
}

void
sasl_dialog_offer(const struct conversation *conversation, struct buffer *out)
{
	const struct proxy2 *facts = &conversation->parked.facts;
	if (!is_offered(conversation) ||
	    !rules_may_login(conversation->rules, &facts->client))
		return;
	sasl_caller_offer(conversation->smtpd->sasl, facts,
		may_send_password(conversation), " ", out);
}

void
sasl_dialog_drop(struct conversation *conversation)
{
	struct smtp_parked *parked = &conversation->parked;
	sasl_call_cancel(conversation->smtpd->sasl, &parked->sasl);
	parked->sasl_is_over = false;
	if (parked->phase == PHASE_SASL) {
		parked->account = 0;
		parked->user[0] = '\0';
		parked->phase = PHASE_COMMAND;
	}
}

/* ---- verdicts ---- */

static void
welcome(struct conversation *conversation)
{
	struct smtp_parked *parked = &conversation->parked;
	parked->phase = PHASE_COMMAND;
	parked->sasl_is_over = false;
	counter_add(COUNTER_LOGINS, 1);
	conversation_say(conversation, SMTP_REPLY_AUTH_OK);
}

static void
log_failure(const struct conversation *conversation, struct span reason)
{
	char client[NETWORK_TEXT_SIZE];
	network_address_format(&conversation->parked.facts.client, client);
	log_event(LOG_WARN, "login-failed", &conversation->parked.scope,
		LOG_TEXT("client", client), LOG_SPAN("reason", reason));
}

/* The reply to a wrong password waits, and so does the client; others do not. */
static void
refuse(struct conversation *conversation, const struct sasl_call_answer *answer)
{
	struct smtp_parked *parked = &conversation->parked;
	parked->phase = PHASE_COMMAND;
	counter_add(COUNTER_LOGINS_FAILED, 1);
	log_failure(conversation, answer->reason);
	if (answer->delay <= 0) {
		conversation_say(conversation, SMTP_REPLY_AUTH_FAILED);
		return;
	}
	parked->phase = PHASE_PENALTY;
	parked->pending = SMTP_REPLY_AUTH_FAILED;
	parked->release = clock_monotonic() + answer->delay;
}

static void
take_verdict(struct conversation *conversation, enum sasl_call_verdict verdict,
	const struct sasl_call_answer *answer)
{
	struct smtp_parked *parked = &conversation->parked;
	switch (verdict) {
	case SASL_CALL_CONTINUE:
		parked->phase = PHASE_SASL;
		conversation_reply(conversation, SMTP_REPLY_CHALLENGE,
			answer->challenge);
		return;
	case SASL_CALL_OK:
		memcpy(parked->user, answer->user, sizeof(parked->user));
		parked->account = answer->account;
		if (!answer->has_challenge) {
			welcome(conversation);
			return;
		}
		/* RFC 4422 3.6: last data of the server, as a challenge. */
		parked->phase = PHASE_SASL;
		parked->sasl_is_over = true;
		conversation_reply(conversation, SMTP_REPLY_CHALLENGE,
			answer->challenge);
		return;
	case SASL_CALL_FAILED:
		refuse(conversation, answer);
		return;
	case SASL_CALL_LATER:
		parked->phase = PHASE_COMMAND;
		log_failure(conversation, answer->reason);
		conversation_say(conversation, SMTP_REPLY_AUTH_AWAY);
	}
}

/* ---- lines ---- */

void
sasl_dialog_line(struct conversation *conversation, struct span line)
{
	struct smtp_parked *parked = &conversation->parked;
	struct arena arena;
	struct sasl_call_answer answer;
	if (span_equals(line, SPAN("*"))) {
		sasl_dialog_drop(conversation);
		conversation_say(conversation, SMTP_REPLY_AUTH_CANCELLED);
		return;
	}
	if (!sasl_call_is_response(line)) {
		sasl_dialog_drop(conversation);
		conversation_say(conversation, SMTP_REPLY_AUTH_BASE64);
		return;
	}
	if (parked->sasl_is_over) {
		if (line.size == 0) {
			welcome(conversation);
			return;
		}
		sasl_dialog_drop(conversation);
		conversation_say(conversation, SMTP_REPLY_AUTH_FAILED);
		return;
	}
	arena_init(&arena, 0);
	enum sasl_call_verdict verdict = sasl_call_continue(
		conversation->smtpd->sasl, &parked->sasl, line, &arena,
		&answer);
	take_verdict(conversation, verdict, &answer);
	arena_fini(&arena);
}

static bool
is_auth_away(struct sasl_caller *caller, const struct proxy2 *facts)
{
	struct buffer all;
	buffer_init(&all, 0);
	sasl_caller_offer(caller, facts, true, " ", &all);
	bool is_away = all.size == 0;
	buffer_fini(&all);
	return is_away;
}

/* What stands against a login by this mechanism; SMTP_REPLY_OK: nothing. */
static enum smtp_reply
refusal_of(const struct conversation *conversation, struct span mechanism)
{
	const struct smtp_parked *parked = &conversation->parked;
	const struct rules *rules = conversation->rules;
	struct sasl_caller *caller = conversation->smtpd->sasl;
	if (parked->account != 0)
		return SMTP_REPLY_AUTH_TWICE;
	if (conversation->transaction != NULL)
		return SMTP_REPLY_AUTH_IN_MAIL;
	if (!is_offered(conversation) || !parked->is_extended)
		return SMTP_REPLY_AUTH_NOT_OFFERED;
	if (!rules_may_login(rules, &parked->facts.client))
		return SMTP_REPLY_LOGIN_NETWORK;
	if (!parked->is_trusted && !limit_event(conversation->smtpd->limits,
	    &parked->facts.client, LIMIT_AUTH, rules->client_auth_rate,
	    clock_monotonic()))
		return SMTP_REPLY_AUTH_RATE;
	if (sasl_caller_offers(caller, &parked->facts,
	    may_send_password(conversation), mechanism))
		return SMTP_REPLY_OK;
	if (sasl_caller_offers(caller, &parked->facts, true, mechanism))
		return SMTP_REPLY_AUTH_NEEDS_TLS;
	return is_auth_away(caller, &parked->facts) ? SMTP_REPLY_AUTH_AWAY :
		SMTP_REPLY_AUTH_MECHANISM;
}

void
sasl_dialog_auth(struct conversation *conversation, struct span argument)
{
	struct smtp_parked *parked = &conversation->parked;
	struct sasl_call_answer answer;
	struct arena arena;
	struct sasl_call_start start = { .facts = &parked->facts,
		.service = conversation_is_submission(conversation) ?
			"submission" : "smtp" };
	start.has_response = span_word(&argument, &start.mechanism) &&
		span_word(&argument, &start.response);
	if (start.mechanism.size == 0 || argument.size > 0) {
		conversation_say(conversation, SMTP_REPLY_AUTH_SYNTAX);
		return;
	}
	enum smtp_reply refusal = refusal_of(conversation, start.mechanism);
	/* RFC 4954 4: "=" is a response of no octets. */
	if (span_equals(start.response, SPAN("=")))
		start.response = SPAN("");
	if (refusal == SMTP_REPLY_OK && !sasl_call_is_response(start.response))
		refusal = SMTP_REPLY_AUTH_BASE64;
	if (refusal != SMTP_REPLY_OK) {
		conversation_say(conversation, refusal);
		return;
	}
	arena_init(&arena, 0);
	enum sasl_call_verdict verdict = sasl_call_begin(
		conversation->smtpd->sasl, &parked->sasl, &start, &arena,
		&answer);
	take_verdict(conversation, verdict, &answer);
	arena_fini(&arena);
}
