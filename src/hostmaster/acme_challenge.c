#include "hostmaster/acme_challenge.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "hostmaster/acme_store.h"
#include "hostmaster/hostmaster.h"
#include "hostmaster/publish.h"
#include "serve/names_call.h"
#include "trust/acme_der.h"
#include "trust/jws.h"

enum {
	ANSWER_LIMIT = 256,		/* bytes of a key authorization */
	DNS_PATIENCE = 60000,		/* ms until a record is seen */
	DNS_PAUSE = 1000,		/* between two looks */
};

/* Of the challenge's certificates alone. */
static const char challenge_key[] = "acme-tls-challenge";

/* ---- http-01 ---- */

/* Locked: answers.lock. */
static struct {
	pthread_mutex_t lock;
	struct {
		char token[ACME_TOKEN_LIMIT + 1];
		char answer[ANSWER_LIMIT + 1];
	} entry[ACME_NAMES];
} answers = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The entry of the token, or with "" a free one; NULL: none. */
static char *
find_token(struct span token, char **answer)
{
	for (size_t i = 0; i < ACME_NAMES; i++)
		if (span_equals(token, span_from(answers.entry[i].token))) {
			*answer = answers.entry[i].answer;
			return answers.entry[i].token;
		}
	return NULL;
}

static int
provide_http(const struct acme_task *task, struct acme_state *state,
	struct error *error)
{
	char *answer, *token = NULL;
	(void)state;
	pthread_mutex_lock(&answers.lock);
	if (task->token.size <= ACME_TOKEN_LIMIT &&
	    task->authorization.size <= ANSWER_LIMIT)
		token = find_token(SPAN(""), &answer);
	if (token != NULL) {
		memcpy(answer, task->authorization.data,
			task->authorization.size);
		answer[task->authorization.size] = '\0';
		memcpy(token, task->token.data, task->token.size);
		token[task->token.size] = '\0';
	}
	pthread_mutex_unlock(&answers.lock);
	return token != NULL ? 0 : error_set(error, ERROR_LATER,
		"too many challenges at once");
}

static void
withdraw_http(const struct acme_task *task, struct acme_state *state)
{
	char *answer;
	(void)state;
	pthread_mutex_lock(&answers.lock);
	char *token = find_token(task->token, &answer);
	if (token != NULL)
		token[0] = answer[0] = '\0';
	pthread_mutex_unlock(&answers.lock);
}

bool
acme_challenge_answer(struct span token, struct arena *arena,
	struct span *answer)
{
	char *text;
	if (!jws_is_base64url(token))
		return false;
	pthread_mutex_lock(&answers.lock);
	bool is_there = find_token(token, &text) != NULL;
	if (is_there)
		*answer = arena_copy(arena, span_from(text));
	pthread_mutex_unlock(&answers.lock);
	return is_there;
}

/* ---- tls-alpn-01 ---- */

static int
sign_certificate(const struct acme_task *task, struct buffer *out,
	struct error *error)
{
	struct key_public public_key;
	struct key_signature signature;
	struct buffer part;
	int64_t deadline = clock_monotonic() + HOSTMASTER_PATIENCE;
	if (key_call_make(hostmaster.keys, challenge_key, deadline,
	    &public_key, error) < 0)
		return -1;
	buffer_init(&part, 0);
	acme_der_challenge(&(struct acme_der_challenge){
		.spki = span_of(public_key.der, public_key.size),
		.name = task->name, .now = clock_wall(),
		.key_authorization = task->authorization,
		.serial = random_u64() }, &part);
	SHA256((const unsigned char *)part.data, part.size, signature.digest);
	int result = key_call_sign(hostmaster.keys, challenge_key, &signature,
		1, deadline, error);
	if (result == 0)
		acme_der_join(buffer_span(&part), signature.signature, out);
	buffer_fini(&part);
	return result;
}

/* tls finds it in the file; it is never more than the state's own copy. */
static int
provide_alpn(const struct acme_task *task, struct acme_state *state,
	struct error *error)
{
	struct buffer certificate;
	if (state->challenges == ACME_NAMES)
		return error_set(error, ERROR_LATER,
			"too many challenges at once");
	buffer_init(&certificate, 0);
	int result = sign_certificate(task, &certificate, error);
	if (result == 0) {
		state->challenge[state->challenges++] =
			(struct acme_state_challenge){ .name = task->name,
			.key = span_from(challenge_key),
			.certificate = buffer_span(&certificate) };
		result = acme_store_put(state, error);
		state->challenges--;
	}
	buffer_fini(&certificate);
	return result;
}

void
acme_challenge_clear(struct acme_state *state)
{
	struct error error;
	state->challenges = 0;
	if (acme_store_put(state, &error) < 0 ||
	    key_call_drop(hostmaster.keys, challenge_key, clock_monotonic() +
	    HOSTMASTER_PATIENCE, &error) < 0)
		log_event(LOG_WARN, "challenge-not-cleared", NULL,
			LOG_TEXT("reason", error.text));
}

static void
withdraw_alpn(const struct acme_task *task, struct acme_state *state)
{
	(void)task;
	acme_challenge_clear(state);
}

/* ---- dns-01 ---- */

/* RFC 8555 8.4 */
static void
dns_value(const struct acme_task *task, struct buffer *out)
{
	uint8_t hash[SHA256_DIGEST_LENGTH];
	SHA256((const unsigned char *)task->authorization.data,
		task->authorization.size, hash);
	jws_base64url(out, span_of(hash, sizeof(hash)));
}

static bool
is_seen(struct span name, struct span value, int64_t deadline)
{
	struct names_answer answer;
	struct arena arena;
	bool found = false;
	arena_init(&arena, 0);
	names_ask(hostmaster.names, &arena, name, NAMES_TXT, deadline,
		&answer);
	for (size_t i = 0; answer.verdict == NAMES_FOUND && i < answer.count;
	    i++)
		found |= span_equals(answer.record[i].txt, value);
	arena_fini(&arena);
	return found;
}

static int
wait_for_record(struct span name, struct span value, struct error *error)
{
	const struct timespec pause = { .tv_nsec = DNS_PAUSE * 1000000L };
	int64_t deadline = clock_monotonic() + DNS_PATIENCE;
	while (!is_seen(name, value, deadline)) {
		if (clock_until(deadline) == 0)
			return error_set(error, ERROR_TIMEOUT,
				"%.*s is not seen in the DNS",
				SPAN_PRINT(name));
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int
publish(struct span name, struct span text, struct error *error)
{
	return publish_send(name, "acme", text, clock_monotonic() +
		HOSTMASTER_PATIENCE, error);
}

static int
provide_dns(const struct acme_task *task, struct acme_state *state,
	struct error *error)
{
	struct buffer value;
	struct arena arena;
	(void)state;
	buffer_init(&value, 0);
	arena_init(&arena, 0);
	dns_value(task, &value);
	struct span name = arena_print(&arena, "_acme-challenge.%.*s",
		SPAN_PRINT(task->name));
	int result = publish(name, arena_print(&arena, "@ 60 IN TXT \"%.*s\"\n",
		SPAN_PRINT(buffer_span(&value))), error);
	if (result == 0)
		result = wait_for_record(name, buffer_span(&value), error);
	arena_fini(&arena);
	buffer_fini(&value);
	return result;
}

static void
withdraw_dns(const struct acme_task *task, struct acme_state *state)
{
	struct error error;
	struct arena arena;
	(void)state;
	arena_init(&arena, 0);
	if (publish(arena_print(&arena, "_acme-challenge.%.*s",
	    SPAN_PRINT(task->name)), SPAN(""), &error) < 0)
		log_event(LOG_INFO, "challenge-not-cleared", NULL,
			LOG_TEXT("reason", error.text));
	arena_fini(&arena);
}

/* ---- all of them ---- */

static const struct {
	int (*provide)(const struct acme_task *task, struct acme_state *state,
		struct error *error);
	void (*withdraw)(const struct acme_task *task,
		struct acme_state *state);
} ways[ACME_CHALLENGE_TYPES] = {
	[ACME_HTTP_01] = { provide_http, withdraw_http },
	[ACME_TLS_ALPN_01] = { provide_alpn, withdraw_alpn },
	[ACME_DNS_01] = { provide_dns, withdraw_dns },
};

int
acme_challenge_provide(const struct acme_task *task, struct acme_state *state,
	struct error *error)
{
	return ways[task->type].provide(task, state, error);
}

void
acme_challenge_withdraw(const struct acme_task *task,
	struct acme_state *state)
{
	ways[task->type].withdraw(task, state);
}
