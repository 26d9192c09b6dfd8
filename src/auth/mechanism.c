/*
 * The mechanisms: PLAIN (RFC 4616), LOGIN (as clients speak it; never an RFC),
 * EXTERNAL (RFC 4422 A; the client is a user of this machine),
 * SCRAM-SHA-256 and -PLUS (RFC 5802, 7677) with the channel bindings
 * tls-exporter (RFC 9266) and tls-server-end-point (RFC 5929 4). Runs in auth
 * on bytes of strangers.
 */
#include <assert.h>
#include <string.h>

#include "auth/exchange_private.h"
#include "auth/question.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "serve/counter.h"

enum { SERVER_NONCE_BYTES = 18 };

/* ---- what is the same for all ---- */

static struct throttle_attempt
attempt_of(const struct exchange *exchange, struct span name)
{
	const struct network_address *client = &exchange->facts.client;
	return (struct throttle_attempt){
		.name = name,
		.client = client,
		.is_exempt = network_list_contains(
			span_from(auth_settings()->mynetworks), client),
		.now = clock_monotonic(),
	};
}

/* Is it time to look at what the client proves? */
static bool
is_allowed(const struct exchange *exchange, struct span name,
	struct exchange_result *result)
{
	struct throttle_attempt attempt = attempt_of(exchange, name);
	if (throttle_allows(auth.throttle, &attempt))
		return true;
	exchange_fail(result, true, "limit",
		"Too many failed logins, try again in some minutes");
	return false;
}

static void
log_failure(const struct exchange *exchange, struct span name,
	const char *why)
{
	char client[NETWORK_TEXT_SIZE];
	network_address_format(&exchange->facts.client, client);
	log_event(LOG_INFO, "login-failed", NULL, LOG_SPAN("user", name),
		LOG_TEXT("client", client),
		LOG_TEXT("service", exchange->service),
		LOG_TEXT("mechanism",
			sasl_mechanism_name(exchange->mechanism)),
		LOG_TEXT("why", why));
}

/* The same words and costs whether or not there is such a name. */
static void
fail_login(const struct exchange *exchange, struct span name,
	struct exchange_result *result)
{
	struct throttle_attempt attempt = attempt_of(exchange, name);
	result->delay = throttle_failed(auth.throttle, &attempt,
		auth_settings()->failure_delay);
	counter_add(COUNTER_LOGINS_FAILED, 1);
	log_failure(exchange, name, "credentials");
	exchange_fail(result, false, "credentials",
		"User name or password is wrong");
}

static void
succeed(const struct exchange *exchange, const struct account *account,
	struct exchange_result *result)
{
	counter_add(COUNTER_LOGINS, 1);
	result->outcome = EXCHANGE_OK;
	result->account = *account;
	memcpy(result->service, exchange->service, sizeof(result->service));
}

/*
 * The credentials are right: may it act as authzid (RFC 4422 2)? Nobody acts
 * for another yet, so it must be another name of the same account.
 */
static void
log_in(struct exchange *exchange, struct span name,
	const struct account *account, struct span authzid,
	struct arena *arena, struct exchange_result *result)
{
	struct throttle_attempt attempt = attempt_of(exchange, name);
	struct account target;
	struct span normalised;
	struct error error;
	throttle_succeeded(auth.throttle, &attempt);
	if (authzid.size > 0 && (accounts_find_login(auth.accounts, authzid,
		arena, &target, &normalised, &error) != ACCOUNTS_FOUND ||
		target.id != account->id)) {
		log_failure(exchange, name, "authorization");
		exchange_fail(result, false, "authorization",
			"You may not act as that user");
		return;
	}
	succeed(exchange, account, result);
}

static void
fail_trouble(struct exchange_result *result, const struct error *error)
{
	log_event(LOG_ERROR, "accounts-trouble", NULL,
		LOG_TEXT("error", error->text));
	exchange_fail(result, true, "trouble",
		"Accounts cannot be looked up now, try again later");
}

static void
fail_syntax(struct exchange_result *result)
{
	exchange_fail(result, false, "syntax",
		"The response is not what this mechanism expects");
}

/* ---- PLAIN and LOGIN ---- */

/* The same for an account of a directory that lets us write. */
static int
upgrade_directory(const struct account *account, struct span password,
	struct error *error)
{
	struct buffer hash;
	buffer_init(&hash, 0);
	int result = accounts_hash_password(password, &hash, error);
	if (result == 0)
		result = question_update(account->directory,
			span_from(account->address), account->hash,
			buffer_span(&hash), error);
	buffer_fini(&hash);
	return result;
}

/* The password is known now: keys of ours in place of what was imported. */
static void
upgrade(const struct account *account, struct span password)
{
	struct error error;
	if (!account->is_imported && !account->can_update)
		return;
	if ((account->can_update ? upgrade_directory(account, password,
		&error) : accounts_upgrade(auth.accounts, account, password,
		&error)) == 0)
		log_event(LOG_INFO, "password-upgraded", NULL,
			LOG_TEXT("user", account->address));
	else
		log_event(LOG_WARN, "password-not-upgraded", NULL,
			LOG_TEXT("user", account->address),
			LOG_TEXT("reason", error.text));
}

/* Nothing is remembered of what the machine said: nobody tells when a password
 * there is changed or locked. */
static enum password_verdict
ask_machine(const struct exchange *exchange, const struct account *account,
	struct span password, bool *is_barred, struct error *error)
{
	char client[NETWORK_TEXT_SIZE];
	network_address_format(&exchange->facts.client, client);
	const struct system_password asked = { account->system_name, password,
		client, exchange->service };
	switch (auth.system->check(&asked, error)) {
	case SYSTEM_BARRED:
		*is_barred = true;
		return PASSWORD_RIGHT;
	case SYSTEM_YES:
		return PASSWORD_RIGHT;
	case SYSTEM_NO:
		return PASSWORD_WRONG;
	case SYSTEM_LATER:
		break;
	}
	return PASSWORD_LATER;
}

static enum password_verdict
ask_directory(const struct account *account, struct span password,
	struct error *error)
{
	switch (question_check(account->directory, span_from(account->address),
		password, error)) {
	case QUESTION_FOUND:
		return PASSWORD_RIGHT;
	case QUESTION_NOT_FOUND:
		return PASSWORD_WRONG;
	case QUESTION_LATER:
		break;
	}
	return PASSWORD_LATER;
}

/* Here, or where the account is. */
static enum password_verdict
judge_password(const struct exchange *exchange, const struct account *account,
	struct span name, struct span password, bool *is_barred)
{
	struct error error;
	int64_t now = clock_monotonic();
	*is_barred = false;
	if (account == NULL || !(account->is_system || account->can_check))
		return password_check(auth.passwords, account, name, password,
			now, now + EXCHANGE_HASH_WAIT);
	enum password_verdict verdict = account->is_system ?
		ask_machine(exchange, account, password, is_barred, &error) :
		ask_directory(account, password, &error);
	if (verdict == PASSWORD_LATER)
		log_event(LOG_ERROR, "accounts-trouble", NULL,
			LOG_TEXT("user", account->address),
			LOG_TEXT("error", error.text));
	return verdict;
}

static void
refuse_barred(const struct exchange *exchange, struct span name,
	struct exchange_result *result)
{
	log_failure(exchange, name, "barred");
	exchange_fail(result, false, "barred",
		"The account or its password has expired or is locked");
}

static void
check_password(struct exchange *exchange, const struct sasl_plain *plain,
	struct arena *arena, struct exchange_result *result)
{
	struct account account;
	struct span name;
	struct error error;
	result->user = arena_copy(arena, plain->authcid);
	enum accounts_verdict found = accounts_find_login(auth.accounts,
		plain->authcid, arena, &account, &name, &error);
	if (found == ACCOUNTS_TROUBLE) {
		fail_trouble(result, &error);
		return;
	}
	if (!is_allowed(exchange, name, result))
		return;
	bool is_barred;
	switch (judge_password(exchange, found == ACCOUNTS_FOUND ? &account :
		NULL, name, plain->password, &is_barred)) {
	case PASSWORD_RIGHT:
		if (is_barred) {
			refuse_barred(exchange, name, result);
			break;
		}
		upgrade(&account, plain->password);
		log_in(exchange, name, &account, plain->authzid, arena,
			result);
		break;
	case PASSWORD_WRONG:
		fail_login(exchange, name, result);
		break;
	case PASSWORD_LATER:
		counter_add(COUNTER_CALLS_LATER, 1);
		exchange_fail(result, true, "busy",
			"Too many logins at once, try again later");
		break;
	}
}

static void
step_plain(struct exchange *exchange, struct span response,
	struct arena *arena, struct exchange_result *result)
{
	struct sasl_plain plain;
	if (exchange->stage == 1 && sasl_parse_plain(response, &plain))
		check_password(exchange, &plain, arena, result);
	else
		fail_syntax(result);
}

static void
ask(struct exchange_result *result, struct span challenge)
{
	result->outcome = EXCHANGE_CONTINUE;
	result->has_challenge = true;
	result->challenge = challenge;
}

static void
step_login(struct exchange *exchange, struct span response,
	struct arena *arena, struct exchange_result *result)
{
	if (exchange->stage == 1 && sasl_is_name(response)) {
		buffer_add(&exchange->name, response);
		ask(result, SPAN("Password:"));
	} else if (exchange->stage == 2 && sasl_is_password(response)) {
		struct sasl_plain plain = { .password = response,
			.authcid = buffer_span(&exchange->name) };
		check_password(exchange, &plain, arena, result);
	} else {
		fail_syntax(result);
	}
}

/* ---- SCRAM ---- */

static void
choose_binding(struct exchange *exchange, struct span name)
{
	const struct proxy2 *facts = &exchange->facts;
	exchange->binding_size = 0;
	if (!facts->is_tls)
		return;
	if (span_equals(name, SPAN("tls-exporter"))) {
		exchange->binding = facts->binding_exporter;
		exchange->binding_size = facts->binding_exporter_size;
	} else if (span_equals(name, SPAN("tls-server-end-point"))) {
		exchange->binding = facts->binding_end_point;
		exchange->binding_size = facts->binding_end_point_size;
	}
}

/* RFC 5802 6: the mechanism and the flag must fit, and a client that believes
 * we cannot bind was told so by somebody else when we had offered it. */
static bool
accept_binding(struct exchange *exchange,
	const struct scram_client_first *first)
{
	bool is_plus = exchange->mechanism == SASL_SCRAM_SHA_256_PLUS;
	const struct proxy2 *facts = &exchange->facts;
	bool was_offered = facts->is_tls &&
		auth_settings()->offers[SASL_SCRAM_SHA_256_PLUS] &&
		(facts->binding_exporter_size > 0 ||
		facts->binding_end_point_size > 0);
	switch (first->binding) {
	case SCRAM_BINDING_NONE:
		return !is_plus;
	case SCRAM_BINDING_UNUSED:
		return !is_plus && !was_offered;
	case SCRAM_BINDING_USED:
		break;
	}
	if (!is_plus)
		return false;
	choose_binding(exchange, first->binding_name);
	return exchange->binding_size > 0;
}

/* Keeps the messages; the challenge is the part that the client has not seen. */
static void
write_server_first(struct exchange *exchange,
	const struct scram_client_first *first, struct arena *arena,
	struct exchange_result *result)
{
	uint8_t random[SERVER_NONCE_BYTES];
	struct buffer nonce;
	struct buffer *written = &exchange->written;
	random_bytes(random, sizeof(random));
	buffer_init(&nonce, 0);
	base64_encode(&nonce, span_of(random, sizeof(random)));
	buffer_add(written, first->header);
	exchange->header_size = written->size;
	buffer_add(written, first->bare);
	buffer_add_byte(written, ',');
	size_t start = written->size;
	scram_add_server_first(written, first->nonce, buffer_span(&nonce),
		span_of(exchange->keys.salt, sizeof(exchange->keys.salt)),
		exchange->keys.iterations);
	exchange->nonce_start = start + 2;
	exchange->nonce_size = first->nonce.size + nonce.size;
	buffer_fini(&nonce);
	ask(result, arena_copy(arena,
		span_skip(buffer_span(written), start)));
}

static void
take_client_first(struct exchange *exchange, struct span response,
	struct arena *arena, struct exchange_result *result)
{
	struct scram_client_first first;
	struct span name;
	struct error error;
	switch (scram_parse_client_first(response, arena, &first)) {
	case SCRAM_OK:
		break;
	case SCRAM_BAD:
		fail_syntax(result);
		return;
	case SCRAM_EXTENSION:
		exchange_fail(result, false, "syntax",
			"This SCRAM extension is not known here");
		return;
	}
	result->user = first.name;
	if (!accept_binding(exchange, &first)) {
		exchange_fail(result, false, "binding",
			"This channel binding is not possible here");
		return;
	}
	enum accounts_verdict found = accounts_find_login(auth.accounts,
		first.name, arena, &exchange->account, &name, &error);
	if (found == ACCOUNTS_TROUBLE) {
		fail_trouble(result, &error);
		return;
	}
	/* A hash of another system cannot answer: as if nobody were there. */
	exchange->exists = found == ACCOUNTS_FOUND &&
		exchange->account.hash.size == 0 &&
		!exchange->account.is_system && !exchange->account.can_check;
	exchange->account.hash = (struct span){ NULL, 0 };
	if (exchange->exists)
		exchange->keys = exchange->account.keys;
	else
		password_fake_keys(auth.passwords, name, &exchange->keys);
	buffer_add(&exchange->normalised, name);
	buffer_add(&exchange->name, first.authzid);
	write_server_first(exchange, &first, arena, result);
}

/* c= must be the gs2-header as it was sent, and the binding's data. */
static bool
is_bound(const struct exchange *exchange,
	const struct scram_client_final *final)
{
	struct span header = span_first(buffer_span(&exchange->written),
		exchange->header_size);
	return span_starts(final->binding, header) &&
		span_equals(span_skip(final->binding, header.size),
		span_of(exchange->binding, exchange->binding_size));
}

static bool
is_proved(const struct exchange *exchange,
	const struct scram_client_final *final,
	uint8_t signature[SCRAM_HASH_SIZE])
{
	struct span written = buffer_span(&exchange->written);
	struct span nonce = span_first(span_skip(written,
		exchange->nonce_start), exchange->nonce_size);
	struct buffer message;
	buffer_init(&message, 0);
	buffer_add(&message, span_skip(written, exchange->header_size));
	buffer_add_byte(&message, ',');
	buffer_add(&message, final->without_proof);
	bool ok = scram_check_proof(&exchange->keys, buffer_span(&message),
		final->proof, signature);
	buffer_fini(&message);
	return ok && exchange->exists && span_equals(nonce, final->nonce) &&
		is_bound(exchange, final);
}

static void
take_client_final(struct exchange *exchange, struct span response,
	struct arena *arena, struct exchange_result *result)
{
	struct scram_client_final final;
	struct span name = arena_copy(arena,
		buffer_span(&exchange->normalised));
	uint8_t signature[SCRAM_HASH_SIZE];
	result->user = name;
	if (scram_parse_client_final(response, arena, &final) != SCRAM_OK) {
		fail_syntax(result);
		return;
	}
	if (!is_allowed(exchange, name, result))
		return;
	if (!is_proved(exchange, &final, signature)) {
		fail_login(exchange, name, result);
		return;
	}
	log_in(exchange, name, &exchange->account,
		buffer_span(&exchange->name), arena, result);
	if (result->outcome != EXCHANGE_OK)
		return;
	struct buffer out;
	buffer_init(&out, 0);
	scram_add_server_final(&out, signature);
	result->has_challenge = true;
	result->challenge = arena_copy(arena, buffer_span(&out));
	buffer_fini(&out);
}

static void
step_scram(struct exchange *exchange, struct span response,
	struct arena *arena, struct exchange_result *result)
{
	if (exchange->stage == 1)
		take_client_first(exchange, response, arena, result);
	else
		take_client_final(exchange, response, arena, result);
}

/* ---- EXTERNAL ---- */

/* A user of the machine is who he is. Root, and who runs all of this, can read
 * every mail anyway: may act as anybody. */
static enum accounts_verdict
find_external(uint32_t uid, struct span authzid, struct arena *arena,
	struct account *account, struct error *error)
{
	struct account self;
	if (authzid.size == 0)
		return accounts_find_uid(auth.accounts, uid, account, error);
	enum accounts_verdict verdict = accounts_find_address(auth.accounts,
		authzid, arena, account, error);
	if (verdict != ACCOUNTS_FOUND || uid == auth.owner)
		return verdict;
	verdict = accounts_find_uid(auth.accounts, uid, &self, error);
	return verdict != ACCOUNTS_FOUND || self.id == account->id ? verdict :
		ACCOUNTS_NOT_FOUND;
}

/* Who the client is says the kernel: there is nothing to be guessed, so nothing
 * is counted or delayed. Every one is logged, since it leaves no other trace. */
static void
step_external(struct exchange *exchange, struct span response,
	struct arena *arena, struct exchange_result *result)
{
	struct account account;
	struct error error;
	uint32_t uid = exchange->facts.client.uid;
	if (exchange->stage != 1 || !sasl_is_external(response)) {
		fail_syntax(result);
		return;
	}
	result->user = response;
	switch (find_external(uid, response, arena, &account, &error)) {
	case ACCOUNTS_FOUND:
		break;
	case ACCOUNTS_TROUBLE:
		fail_trouble(result, &error);
		return;
	case ACCOUNTS_NOT_FOUND:
	case ACCOUNTS_REMOTE:
		log_failure(exchange, response, "authorization");
		exchange_fail(result, false, "authorization",
			"You may not act as that user");
		return;
	}
	log_event(LOG_INFO, "external-login", NULL, LOG_NUMBER("uid", uid),
		LOG_TEXT("user", account.address),
		LOG_TEXT("service", exchange->service));
	result->is_external = true;
	result->peer = uid;
	succeed(exchange, &account, result);
}

/* ---- the table ---- */

static const struct {
	const char *question;		/* first challenge */
	void (*step)(struct exchange *exchange, struct span response,
		struct arena *arena, struct exchange_result *result);
} mechanisms[SASL_MECHANISM_COUNT] = {
	[SASL_PLAIN] = { "", step_plain },
	[SASL_LOGIN] = { "Username:", step_login },
	[SASL_SCRAM_SHA_256] = { "", step_scram },
	[SASL_SCRAM_SHA_256_PLUS] = { "", step_scram },
	[SASL_EXTERNAL] = { "", step_external },
};

void
mechanism_ask(struct exchange *exchange, struct exchange_result *result)
{
	ask(result, span_from(mechanisms[exchange->mechanism].question));
}

void
mechanism_step(struct exchange *exchange, struct span response,
	struct arena *arena, struct exchange_result *result)
{
	exchange->stage++;
	mechanisms[exchange->mechanism].step(exchange, response, arena,
		result);
}
