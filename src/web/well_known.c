/*
 * The MTA-STS policy, which follows from the configuration, and the answers that
 * hostmaster has ready for an authority.
 */
#include "web/well_known.h"

#include "base/clock.h"
#include "serve/row_call.h"
#include "trust/domain_records.h"
#include "web/mail_domain.h"

enum { CHALLENGE_WAIT = 5000 /* ms */, TOKEN_LIMIT = 128, ANSWER_LIMIT = 512 };

void
well_known_policy(const struct question *question, struct answer *answer)
{
	const struct web_rules *rules = question->rules;
	struct span prefix = SPAN("mta-sts.");
	enum domains_verdict verdict = rules->sts_mode == MTA_STS_NONE ?
		DOMAINS_OTHERS : domains_judge(question->web->domains,
			span_skip(question->host, prefix.size));
	if (verdict != DOMAINS_OURS) {
		page_status(answer, verdict == DOMAINS_LATER ? 503 : 404);
		return;
	}
	answer->type = "text/plain; charset=utf-8";
	buffer_add(&answer->body, domain_records_policy(rules->sts_mode,
		span_from(rules->policy_host), question->arena));
}

/* RFC 8555 8.3: base64url. */
static bool
is_token(struct span token)
{
	for (size_t i = 0; i < token.size; i++) {
		char c = token.data[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z') || c == '-' || c == '_'))
			return false;
	}
	return token.size > 0 && token.size <= TOKEN_LIMIT;
}

static void
take_answer(void *context, const struct tabline *row)
{
	struct buffer *out = context;
	struct span text;
	if (tabline_get(row, 2, "answer", &text) && text.size <= ANSWER_LIMIT)
		buffer_add(out, text);
}

void
well_known_challenge(const struct question *question, struct answer *answer)
{
	struct buffer fields;
	struct error error;
	struct span token = span_skip(question->path,
		SPAN("/.well-known/acme-challenge/").size);
	if (!is_token(token)) {
		page_status(answer, 404);
		return;
	}
	buffer_init(&fields, 0);
	tabline_add_pair(&fields, "token", token);
	int result = row_call(question->web->hostmaster, &(struct row_request){
		.command = "CHALLENGE", .fields = buffer_span(&fields),
		.deadline = clock_monotonic() + CHALLENGE_WAIT,
		.done = take_answer, .context = &answer->body }, &error);
	buffer_fini(&fields);
	if (result < 0 || answer->body.size == 0)
		page_status(answer, 404);
	else
		answer->type = "application/octet-stream";
}
