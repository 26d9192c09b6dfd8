/* What is told of certificates: to the operator's command, and to web. */
#include "base/clock.h"
#include "hostmaster/acme.h"
#include "hostmaster/acme_challenge.h"
#include "hostmaster/acme_inside.h"
#include "hostmaster/acme_store.h"
#include "hostmaster/hostmaster.h"
#include "trust/acme_chain.h"

static bool
is_on(void)
{
	return config_text(atomic_load(&hostmaster.config),
		"acme_directory")[0] != '\0';
}

static void
add_time(struct admin_call *call, const char *key, int64_t wall)
{
	char text[25] = "";
	if (wall > 0)
		clock_format_iso(wall, text);
	admin_row_field(call, key, span_from(text));
}

static const char *
state_word(const struct acme_state *state, const struct acme_chain *chain)
{
	if (!is_on())
		return "off";
	if (acme_is_busy())
		return "busy";
	if (state->trouble.size > 0)
		return "failed";
	return chain->count > 0 ? "current" : "waiting";
}

static struct span
left_out(const struct acme_state *state, struct arena *arena)
{
	struct span text = SPAN("");
	for (size_t i = 0; i < state->lefts; i++) {
		char until[25];
		clock_format_iso(state->left[i].until, until);
		text = arena_print(arena, "%.*s%s%.*s (again %s)",
			SPAN_PRINT(text), i == 0 ? "" : "; ",
			SPAN_PRINT(state->left[i].reason), until);
	}
	return text;
}

/* CERTIFICATE-LIST: one row, with what there is. */
void
acme_list(struct admin_call *call)
{
	struct acme_state *state = arena_new(call->arena, sizeof(*state));
	struct acme_chain chain = { 0 };
	acme_store_get(call->arena, state);
	if (state->chain.size > 0)
		acme_chain_read(state->chain, &(struct acme_chain_wish){
			.now = 0 }, call->arena, &chain, NULL);
	admin_row_begin(call);
	admin_row_field(call, "state", span_from(state_word(state, &chain)));
	admin_row_number(call, "attempts", acme_attempts());
	admin_row_field(call, "names", chain.names);
	admin_row_field(call, "issuer", chain.issuer);
	add_time(call, "from", chain.not_before);
	add_time(call, "until", chain.not_after);
	add_time(call, "renewal", chain.count > 0 ? state->renewal : 0);
	admin_row_field(call, "key", state->key);
	admin_row_number(call, "failures", state->failures);
	add_time(call, "retry", state->retry);
	admin_row_field(call, "trouble", state->trouble);
	admin_row_field(call, "left-out", left_out(state, call->arena));
	if (admin_row_end(call))
		admin_ok(call);
}

/* CERTIFICATE-RENEW: OK when it has been begun; CERTIFICATE-LIST says how it
 * ended. */
void
acme_renew(struct admin_call *call)
{
	if (!is_on()) {
		admin_fail(call, "acme_directory is not set, so certificates "
			"are yours to renew in tls_cert_file");
		return;
	}
	acme_want_now();
	admin_ok(call);
}

/* CHALLENGE token=: what stands at /.well-known/acme-challenge/TOKEN. */
void
acme_tell_challenge(struct admin_call *call)
{
	struct span token, answer;
	if (!admin_need(call, "token", &token))
		return;
	if (!acme_challenge_answer(token, call->arena, &answer)) {
		admin_fail(call, "there is no such token");
		return;
	}
	admin_line_begin(call, SPAN("OK"));
	admin_row_field(call, "answer", answer);
	admin_row_end(call);
}
