#include "hostmaster/acme_issue.h"

#include <openssl/sha.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "hostmaster/acme_challenge.h"
#include "hostmaster/acme_store.h"
#include "hostmaster/hostmaster.h"
#include "trust/acme_chain.h"
#include "trust/acme_der.h"
#include "trust/acme_left.h"

enum {
	POLL_FIRST = 1000,		/* ms between two looks */
	POLL_MOST = 60000,		/* whatever the authority wishes */
	POLL_PATIENCE = 180000,		/* for one thing to change */
};

static const char account_key[] = "acme-account";

struct attempt {
	const struct acme_plan *plan;
	struct arena *arena;
	struct acme_state *state;
	struct acme_client client;
	int64_t deadline;		/* monotonic */
	bool has_new_account;
	struct acme_outcome *outcome;
};

static int
fail(struct attempt *attempt, struct error *error, const char *sentence)
{
	return acme_client_fail(&attempt->client, error, sentence);
}

/* The same, and another order is begun the next time. */
static int
fail_order(struct attempt *attempt, struct error *error, const char *sentence)
{
	attempt->state->order = (struct span){ NULL, 0 };
	return fail(attempt, error, sentence);
}

static int
save(struct attempt *attempt, struct error *error)
{
	if (acme_store_put(attempt->state, error) == 0)
		return 0;
	attempt->client.is_ours = true;
	return -1;
}

/* ---- waiting ---- */

struct patience {
	int64_t deadline, pause;
};

static struct patience
patience_begin(const struct attempt *attempt)
{
	int64_t own = clock_monotonic() + POLL_PATIENCE;
	return (struct patience){ own < attempt->deadline ? own :
		attempt->deadline, POLL_FIRST };
}

/* RFC 8555 7.5.1: as long as it says, within bounds. False: no more. */
static bool
patience_wait(struct patience *patience, int64_t wanted)
{
	int64_t pause = wanted > patience->pause ? wanted : patience->pause;
	if (pause > POLL_MOST)
		pause = POLL_MOST;
	if (clock_monotonic() + pause > patience->deadline)
		return false;
	nanosleep(&(struct timespec){ .tv_sec = pause / 1000,
		.tv_nsec = pause % 1000 * 1000000 }, NULL);
	patience->pause += patience->pause / 2;
	return true;
}

/* ---- keys ---- */

static int
make_key(struct attempt *attempt, const char *name,
	struct key_public *public_key, struct error *error)
{
	if (key_call_make(hostmaster.keys, name, clock_monotonic() +
	    HOSTMASTER_PATIENCE, public_key, error) == 0)
		return 0;
	attempt->client.is_ours = true;
	return -1;
}

int
acme_issue_next_key(struct acme_state *state, struct arena *arena,
	struct key_public *public_key, struct error *error)
{
	/* the name is on disk before the key is */
	if (state->next_key.size == 0) {
		state->next_key = arena_print(arena, "acme-tls-%llx",
			(unsigned long long)(random_u64() >> 16));
		if (acme_store_put(state, error) < 0)
			return -1;
	}
	return key_call_make(hostmaster.keys, arena_copy_string(arena,
		state->next_key), clock_monotonic() + HOSTMASTER_PATIENCE,
		public_key, error);
}

static void
drop_key(struct arena *arena, struct span name)
{
	struct error error;
	if (name.size > 0 && key_call_drop(hostmaster.keys,
	    arena_copy_string(arena, name), clock_monotonic() +
	    HOSTMASTER_PATIENCE, &error) < 0)
		log_event(LOG_WARN, "key-not-dropped", NULL,
			LOG_SPAN("key", name), LOG_TEXT("reason", error.text));
}

/* ---- the account (7.3) ---- */

static int
load_account_key(struct attempt *attempt, struct error *error)
{
	struct key_public public_key;
	if (make_key(attempt, account_key, &public_key, error) < 0)
		return -1;
	if (jws_key_read(span_of(public_key.der, public_key.size),
	    &attempt->client.key))
		return 0;
	attempt->client.is_ours = true;
	return error_set(error, ERROR_DAMAGED,
		"the key acme-account is of another kind");
}

/* A quote in it would end the string that it becomes. */
static bool
is_email(struct span email)
{
	for (size_t i = 0; i < email.size; i++)
		if (email.data[i] <= ' ' || email.data[i] > '~' ||
		    email.data[i] == '"' || email.data[i] == '\\')
			return false;
	return span_find(email, '@') < email.size && email.size <= 254;
}

static int
make_account(struct attempt *attempt, struct error *error)
{
	struct acme_reply reply;
	struct span payload = SPAN("{\"termsOfServiceAgreed\":true}");
	struct span email = attempt->plan->email;
	attempt->client.account = (struct span){ NULL, 0 };
	if (attempt->client.directory.wants_external_account) {
		attempt->outcome->wants_person = true;
		return fail(attempt, error, "the authority at acme_directory "
			"wants accounts that were opened elsewhere");
	}
	if (is_email(email))
		payload = arena_print(attempt->arena, "{\"termsOfServiceAgreed"
			"\":true,\"contact\":[\"mailto:%.*s\"]}",
			SPAN_PRINT(email));
	if (acme_client_post(&attempt->client,
	    attempt->client.directory.new_account, payload, attempt->arena,
	    &reply, error) < 0)
		return error_wrap(error, "opening an account");
	if (!jws_is_url(reply.location))
		return fail(attempt, error,
			"the authority does not say where the account is");
	attempt->state->directory = attempt->plan->directory;
	attempt->state->account = reply.location;
	attempt->client.account = reply.location;
	attempt->has_new_account = true;
	return save(attempt, error);
}

static int
need_account(struct attempt *attempt, struct error *error)
{
	struct acme_state *state = attempt->state;
	if (load_account_key(attempt, error) < 0)
		return -1;
	if (state->account.size > 0 && span_equals(state->directory,
	    attempt->plan->directory)) {
		attempt->client.account = state->account;
		return 0;
	}
	/* what was begun elsewhere is of no use here */
	state->order = (struct span){ NULL, 0 };
	return make_account(attempt, error);
}

/* Does the authority still take it (7.3.6)? Asked when it refused a request. */
static bool
is_account_lost(struct attempt *attempt)
{
	struct acme_reply reply;
	struct error error;
	enum acme_status status;
	if (attempt->client.problem.trouble == ACME_NO_ACCOUNT)
		return true;
	if (attempt->client.problem.trouble != ACME_UNAUTHORIZED)
		return false;
	if (acme_client_post(&attempt->client, attempt->client.account,
	    SPAN(""), attempt->arena, &reply, &error) == 0)
		return acme_read_account(reply.body, &status) &&
			status != ACME_VALID;
	return attempt->client.problem.trouble == ACME_UNAUTHORIZED ||
		attempt->client.problem.trouble == ACME_NO_ACCOUNT;
}

/* Another key, since one that was deactivated is refused for good (7.3.6). */
static int
replace_account(struct attempt *attempt, struct error *error)
{
	log_event(LOG_WARN, "acme-account-lost", NULL,
		LOG_SPAN("account", attempt->state->account));
	attempt->state->account = attempt->state->order =
		(struct span){ NULL, 0 };
	if (save(attempt, error) < 0)
		return -1;
	drop_key(attempt->arena, span_from(account_key));
	if (load_account_key(attempt, error) < 0)
		return -1;
	return make_account(attempt, error);
}

/* ---- the order (7.4) ---- */

static struct span
join_names(const struct acme_plan *plan, struct arena *arena)
{
	struct buffer text;
	buffer_init(&text, 0);
	for (size_t i = 0; i < plan->count; i++)
		buffer_print(&text, "%s%.*s", i == 0 ? "" : " ",
			SPAN_PRINT(plan->names[i]));
	struct span joined = arena_copy(arena, buffer_span(&text));
	buffer_fini(&text);
	return joined;
}

/* RFC 9773 5: which certificate it replaces, if the authority knows of that. */
static void
add_replaced(struct attempt *attempt, struct buffer *payload)
{
	struct acme_chain chain;
	if (attempt->client.directory.renewal_info.size == 0 ||
	    attempt->state->chain.size == 0)
		return;
	acme_chain_read(attempt->state->chain, &(struct acme_chain_wish){
		.now = 0 }, attempt->arena, &chain, NULL);
	if (chain.id.size > 0)
		buffer_print(payload, ",\"replaces\":\"%.*s\"",
			SPAN_PRINT(chain.id));
}

static int
post_order(struct attempt *attempt, bool says_replaced,
	struct acme_reply *reply, struct error *error)
{
	const struct acme_plan *plan = attempt->plan;
	struct buffer payload;
	buffer_init(&payload, 0);
	buffer_add_string(&payload, "{\"identifiers\":[");
	for (size_t i = 0; i < plan->count; i++)
		buffer_print(&payload, "%s{\"type\":\"dns\",\"value\":\"%.*s\"}",
			i == 0 ? "" : ",", SPAN_PRINT(plan->names[i]));
	buffer_add_string(&payload, "]");
	if (says_replaced)
		add_replaced(attempt, &payload);
	buffer_add_string(&payload, "}");
	int result = acme_client_post(&attempt->client,
		attempt->client.directory.new_order, buffer_span(&payload),
		attempt->arena, reply, error);
	buffer_fini(&payload);
	return result;
}

static int
new_order(struct attempt *attempt, struct acme_order *order,
	struct error *error)
{
	struct acme_reply reply;
	int result = post_order(attempt, true, &reply, error);
	if (result < 0 &&
	    attempt->client.problem.trouble == ACME_ALREADY_REPLACED)
		result = post_order(attempt, false, &reply, error);
	if (result < 0 && !attempt->has_new_account &&
	    is_account_lost(attempt)) {
		if (replace_account(attempt, error) < 0)
			return -1;
		result = post_order(attempt, false, &reply, error);
	}
	if (result < 0)
		return error_wrap(error, "ordering a certificate");
	if (!jws_is_url(reply.location) || !acme_read_order(reply.body,
	    attempt->arena, order))
		return fail(attempt, error,
			"the authority answers an order with something else");
	attempt->state->order = reply.location;
	attempt->state->order_names = join_names(attempt->plan,
		attempt->arena);
	return save(attempt, error);
}

static int
look_at_order(struct attempt *attempt, struct arena *arena,
	struct acme_order *order, int64_t *wait, struct error *error)
{
	struct acme_reply reply;
	if (acme_client_post(&attempt->client, attempt->state->order, SPAN(""),
	    arena, &reply, error) < 0)
		return -1;
	*wait = reply.wait;
	if (acme_read_order(reply.body, arena, order))
		return 0;
	return fail(attempt, error, "the authority's order is none");
}

/* One that was begun goes on while it can still end well. */
static int
need_order(struct attempt *attempt, struct acme_order *order,
	struct error *error)
{
	int64_t wait;
	if (attempt->state->order.size > 0 && span_equals(
	    attempt->state->order_names, join_names(attempt->plan,
	    attempt->arena)) && look_at_order(attempt, attempt->arena, order,
	    &wait, error) == 0 && order->status != ACME_INVALID)
		return 0;
	if (attempt->client.is_ours && attempt->state->order.size > 0)
		return -1;
	return new_order(attempt, order, error);
}

/* ---- authorizations (7.5) ---- */

/* Whichever we name first of those that are offered; after failures another
 * comes first, so that a way that is closed does not stay the only one tried. */
static const struct acme_challenge *
choose(const struct attempt *attempt,
	const struct acme_authorization *authorization, size_t turn)
{
	const struct acme_plan *plan = attempt->plan;
	enum acme_challenge_type type = plan->challenge[turn %
		plan->challenges];
	for (size_t i = 0; i < authorization->count; i++)
		if (authorization->challenges[i].type == type)
			return &authorization->challenges[i];
	return NULL;
}

static bool
is_ours(const struct attempt *attempt, struct span name)
{
	for (size_t i = 0; i < attempt->plan->count; i++)
		if (span_equals(name, attempt->plan->names[i]))
			return true;
	return false;
}

static int
say_why(struct attempt *attempt, const struct acme_task *task,
	const struct acme_authorization *authorization, struct error *error)
{
	const struct acme_problem *problem = NULL;
	for (size_t i = 0; i < authorization->count; i++)
		if (authorization->challenges[i].type == task->type)
			problem = &authorization->challenges[i].problem;
	fail_order(attempt, error, "");
	error_set(error, ERROR_REFUSED,
		"%.*s was not validated by %s%s%.*s", SPAN_PRINT(task->name),
		acme_challenge_name(task->type), problem == NULL ||
		problem->detail.size == 0 ? "" : ": ", problem == NULL ? 0 :
		(int)problem->detail.size, problem == NULL ? "" :
		problem->detail.data);
	attempt->outcome->failed[attempt->outcome->failed_count++] =
		(struct acme_failed){ task->name, arena_copy(attempt->arena,
		span_from(error->text)) };
	return -1;
}

static int
look_at_authorization(struct attempt *attempt, struct span url,
	struct arena *arena, struct acme_authorization *authorization,
	int64_t *wait, struct error *error)
{
	struct acme_reply reply;
	if (acme_client_post(&attempt->client, url, SPAN(""), arena, &reply,
	    error) < 0)
		return -1;
	*wait = reply.wait;
	if (acme_read_authorization(reply.body, arena, authorization))
		return 0;
	return fail(attempt, error, "the authority's authorization is none");
}

/* Until it is valid, and nothing else but pending. */
static int
wait_for_authorization(struct attempt *attempt, struct span url,
	const struct acme_task *task, struct error *error)
{
	struct patience patience = patience_begin(attempt);
	struct acme_authorization authorization;
	struct arena arena;
	int64_t wait = 0;
	int result = 1;
	while (result > 0) {
		arena_init(&arena, 0);
		result = look_at_authorization(attempt, url, &arena,
			&authorization, &wait, error);
		if (result == 0 && authorization.status == ACME_PENDING)
			result = 1;
		else if (result == 0 && authorization.status != ACME_VALID)
			result = say_why(attempt, task, &authorization, error);
		arena_fini(&arena);
		if (result > 0 && !patience_wait(&patience, wait))
			result = fail_order(attempt, error,
				"the authority does not validate in time");
	}
	return result;
}

/* The challenge is answered, and then the authority told (7.5.1). */
static int
answer(struct attempt *attempt, struct span url, const struct acme_task *task,
	const struct acme_challenge *challenge, struct error *error)
{
	struct acme_reply reply;
	if (challenge->status == ACME_PENDING && acme_client_post(
	    &attempt->client, challenge->url, SPAN("{}"), attempt->arena,
	    &reply, error) < 0)
		return -1;
	return wait_for_authorization(attempt, url, task, error);
}

static struct span
key_authorization(struct attempt *attempt, struct span token)
{
	struct buffer text;
	buffer_init(&text, 0);
	buffer_add(&text, token);
	buffer_add_byte(&text, '.');
	jws_key_thumbprint(&attempt->client.key, &text);
	struct span copy = arena_copy(attempt->arena, buffer_span(&text));
	buffer_fini(&text);
	return copy;
}

/* The first way that is offered and open here. */
static int
try_ways(struct attempt *attempt, struct span url,
	const struct acme_authorization *authorization, struct error *error)
{
	size_t failures = attempt->state->failures +
		acme_left_failures(attempt->state, authorization->name);
	int result = fail(attempt, error, "the authority offers none of "
		"acme_challenges");
	for (size_t i = 0; i < attempt->plan->challenges; i++) {
		const struct acme_challenge *challenge = choose(attempt,
			authorization, failures + i);
		if (challenge == NULL)
			continue;
		const struct acme_task task = { .type = challenge->type,
			.name = authorization->name, .token = challenge->token,
			.authorization = key_authorization(attempt,
				challenge->token) };
		result = acme_challenge_provide(&task, attempt->state, error);
		bool is_open = result == 0;
		if (is_open)
			result = answer(attempt, url, &task, challenge, error);
		else
			error_wrap(error, "%s", acme_challenge_name(task.type));
		acme_challenge_withdraw(&task, attempt->state);
		if (is_open)
			break;
	}
	return result;
}

static int
authorize(struct attempt *attempt, struct span url, struct error *error)
{
	struct acme_authorization authorization;
	int64_t wait;
	if (look_at_authorization(attempt, url, attempt->arena,
	    &authorization, &wait, error) < 0)
		return -1;
	/* nothing is published for a name that the authority thought of */
	if (!is_ours(attempt, authorization.name))
		return fail(attempt, error,
			"the authority asks for a name that was not ordered");
	if (authorization.status == ACME_VALID)
		return 0;
	if (authorization.status != ACME_PENDING)
		return fail_order(attempt, error,
			"the authority's authorization has ended");
	return try_ways(attempt, url, &authorization, error);
}

/* The others are looked at when a name has failed, so that one attempt finds all
 * that do; each authorization counts for one, and there are ACME_NAMES at most. */
static int
authorize_all(struct attempt *attempt, const struct acme_order *order,
	struct error *error)
{
	const struct acme_outcome *outcome = attempt->outcome;
	int result = 0;
	for (size_t i = 0; i < order->count; i++) {
		size_t failed = outcome->failed_count;
		if (authorize(attempt, order->authorizations[i], error) == 0)
			continue;
		result = -1;
		if (outcome->failed_count == failed)
			break;
	}
	return result;
}

/* ---- the certificate (7.4) ---- */

static int
sign_request(struct attempt *attempt, const struct key_public *public_key,
	struct buffer *out, struct error *error)
{
	struct key_signature signature;
	struct buffer part;
	buffer_init(&part, 0);
	acme_der_request(span_of(public_key->der, public_key->size),
		attempt->plan->names, attempt->plan->count, &part);
	SHA256((const unsigned char *)part.data, part.size, signature.digest);
	int result = key_call_sign(hostmaster.keys, arena_copy_string(
		attempt->arena, attempt->state->next_key), &signature, 1,
		clock_monotonic() + HOSTMASTER_PATIENCE, error);
	attempt->client.is_ours = result < 0;
	if (result == 0)
		acme_der_join(buffer_span(&part), signature.signature, out);
	buffer_fini(&part);
	return result;
}

static int
finalize(struct attempt *attempt, const struct acme_order *order,
	const struct key_public *public_key, struct error *error)
{
	struct acme_reply reply;
	struct buffer request, payload;
	buffer_init(&request, 0);
	buffer_init(&payload, 0);
	int result = sign_request(attempt, public_key, &request, error);
	if (result == 0) {
		buffer_add_string(&payload, "{\"csr\":\"");
		jws_base64url(&payload, buffer_span(&request));
		buffer_add_string(&payload, "\"}");
		result = acme_client_post(&attempt->client, order->finalize,
			buffer_span(&payload), attempt->arena, &reply, error);
		if (result < 0)
			error_wrap(error, "asking for the certificate");
	}
	buffer_fini(&payload);
	buffer_fini(&request);
	return result;
}

/* Until its status is none of the two; it is copied for later. */
static int
wait_for_order(struct attempt *attempt, enum acme_status one,
	enum acme_status other, struct acme_order *order, struct error *error)
{
	struct patience patience = patience_begin(attempt);
	int64_t wait;
	for (;;) {
		if (look_at_order(attempt, attempt->arena, order, &wait,
		    error) < 0)
			return -1;
		if (order->status != one && order->status != other)
			return 0;
		if (!patience_wait(&patience, wait))
			return fail_order(attempt, error, "the authority does not "
				"give the certificate in time");
	}
}

/* Renewal is planned, and the key before the last is of no more use: sessions
 * that began with it have long had their handshake. */
static int
install(struct attempt *attempt, struct span pem,
	const struct acme_chain *chain, struct error *error)
{
	struct acme_state *state = attempt->state;
	struct span old = state->old_key;
	state->old_key = state->key;
	state->key = state->next_key;
	state->chain = pem;
	state->next_key = state->order = state->order_names =
		state->trouble = (struct span){ NULL, 0 };
	state->failures = 0;
	state->retry = 0;
	for (size_t i = 0; i < attempt->plan->count; i++)
		acme_left_forget(state, attempt->plan->names[i]);
	state->renewal = acme_renewal_time(chain->not_before,
		chain->not_after, NULL, random_u64());
	if (save(attempt, error) < 0)
		return -1;
	log_event(LOG_INFO, "certificate-issued", NULL,
		LOG_SPAN("names", chain->names),
		LOG_SPAN("issuer", chain->issuer),
		LOG_NUMBER("days", (chain->not_after - clock_wall()) /
			ACME_DAY));
	drop_key(attempt->arena, old);
	return 0;
}

static int
download(struct attempt *attempt, const struct acme_order *order,
	const struct key_public *public_key, struct error *error)
{
	const struct acme_plan *plan = attempt->plan;
	const struct acme_chain_wish wish = { .names = plan->names,
		.count = plan->count, .now = clock_wall(),
		.spki = span_of(public_key->der, public_key->size) };
	struct acme_reply reply;
	struct acme_chain chain;
	struct buffer pem;
	if (acme_client_post(&attempt->client, order->certificate, SPAN(""),
	    attempt->arena, &reply, error) < 0)
		return error_wrap(error, "getting the certificate");
	buffer_init(&pem, 0);
	enum acme_chain_verdict verdict = acme_chain_read(reply.body, &wish,
		attempt->arena, &chain, &pem);
	struct span copy = arena_copy(attempt->arena, buffer_span(&pem));
	buffer_fini(&pem);
	if (verdict == ACME_CHAIN_OK)
		return install(attempt, copy, &chain, error);
	/* another order is another certificate */
	return fail_order(attempt, error, acme_chain_words(verdict));
}

/* ---- all of it ---- */

static int
say_how_it_ended(struct attempt *attempt, const struct acme_order *order,
	struct error *error)
{
	fail_order(attempt, error, "");
	attempt->client.problem = order->problem;
	return error_set(error, ERROR_REFUSED, "the order ended as %s%s%.*s",
		acme_status_name(order->status),
		order->problem.detail.size > 0 ? ": " : "",
		SPAN_PRINT(span_first(order->problem.detail, 200)));
}

static int
go_through(struct attempt *attempt, struct error *error)
{
	struct acme_order order;
	struct key_public public_key;
	if (acme_client_open(&attempt->client, attempt->plan->directory,
	    error) < 0 || need_account(attempt, error) < 0)
		return -1;
	attempt->client.is_ours = true;
	if (acme_issue_next_key(attempt->state, attempt->arena, &public_key,
	    error) < 0 || need_order(attempt, &order, error) < 0)
		return -1;
	if (order.status == ACME_PENDING && (authorize_all(attempt, &order,
	    error) < 0 || wait_for_order(attempt, ACME_PENDING, ACME_PENDING,
	    &order, error) < 0))
		return -1;
	if (order.status == ACME_READY && (finalize(attempt, &order,
	    &public_key, error) < 0 || wait_for_order(attempt, ACME_READY,
	    ACME_PROCESSING, &order, error) < 0))
		return -1;
	if (order.status == ACME_PROCESSING && wait_for_order(attempt,
	    ACME_PROCESSING, ACME_PROCESSING, &order, error) < 0)
		return -1;
	if (order.status != ACME_VALID)
		return say_how_it_ended(attempt, &order, error);
	return download(attempt, &order, &public_key, error);
}

int
acme_issue(const struct acme_plan *plan, struct arena *arena,
	struct acme_state *state, struct acme_outcome *outcome,
	struct error *error)
{
	struct attempt attempt = { .plan = plan, .arena = arena,
		.state = state, .client = { .arena = arena },
		.outcome = outcome,
		.deadline = clock_monotonic() + ACME_ATTEMPT_TIMEOUT };
	*outcome = (struct acme_outcome){ 0 };
	if (state->challenges > 0)
		acme_challenge_clear(state);
	int result = go_through(&attempt, error);
	enum acme_trouble trouble = attempt.client.problem.trouble;
	outcome->is_ours = attempt.client.is_ours;
	outcome->wait = attempt.client.wait;
	outcome->wants_person |= trouble == ACME_USER_ACTION ||
		trouble == ACME_EXTERNAL_ACCOUNT ||
		trouble == ACME_REJECTED_NAME || error->code == ERROR_USAGE;
	return result;
}
