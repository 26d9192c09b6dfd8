/*
 * Calls to auth about a SASL exchange. Runs in smtpd and login. One call is
 * one line out and one line back; what the stranger sent is handed on as it
 * came, in base64, and never looked into.
 */
#include "serve/sasl_call.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/memory.h"
#include "proto/tabline.h"
#include "serve/counter.h"

enum {
	MECHANISM_LIMIT = 16,
	MECHANISM_NAME_SIZE = 24,
	LEARN_WAIT = 1000,	/* ms for auth to say what it offers */
	LEARN_PAUSE = 1000,	/* ms until it is asked again if it did not */
	REFRESH_AGAIN = 2000,	/* ms until what was asked early is asked again */
};

struct mechanism {
	char name[MECHANISM_NAME_SIZE];
	bool is_plaintext;	/* sends the password itself */
	bool needs_binding;	/* a -PLUS mechanism */
	bool is_local;		/* for clients of a Unix socket only */
};

struct sasl_caller {
	struct wire_pool *pool;
	atomic_uint last_id;
	pthread_mutex_t learning;	/* one asks, the others wait for him; of: */
	int64_t not_before;	/* ms: when to ask again */
	pthread_mutex_t lock;	/* of what follows; taken after learning */
	bool is_known;
	int64_t refresh_at;	/* ms: 0, or when to forget once more */
	uint64_t generation;	/* of mechanisms, when it was asked */
	struct mechanism mechanism[MECHANISM_LIMIT];
	size_t mechanism_count;
};

struct sasl_caller *
sasl_caller_new(struct lot *lot)
{
	struct sasl_caller *caller = memory_new(sizeof(*caller));
	caller->pool = wire_pool_new(lot, "auth-sasl", 0);
	pthread_mutex_init(&caller->learning, NULL);
	pthread_mutex_init(&caller->lock, NULL);
	return caller;
}

void
sasl_caller_free(struct sasl_caller **caller)
{
	if (*caller == NULL)
		return;
	wire_pool_free(&(*caller)->pool);
	pthread_mutex_destroy(&(*caller)->learning);
	pthread_mutex_destroy(&(*caller)->lock);
	memory_free(*caller);
	*caller = NULL;
}

/* ---- the greeting: VERSION, MECH..., SPID, CUID, COOKIE, DONE ---- */

static void
add_mechanism(struct mechanism *list, size_t *count,
	const struct tabline *fields)
{
	if (*count == MECHANISM_LIMIT || fields->count < 2 ||
		fields->field[1].size >= MECHANISM_NAME_SIZE)
		return;
	struct mechanism *new = &list[(*count)++];
	*new = (struct mechanism){
		.is_plaintext = tabline_has(fields, 2, "plaintext"),
		.is_local = tabline_has(fields, 2, "local") };
	memcpy(new->name, fields->field[1].data, fields->field[1].size);
	new->needs_binding = span_ends_nocase(fields->field[1], SPAN("-PLUS"));
}

static int
read_greeting(struct sasl_caller *caller, struct wire *wire,
	struct error *error)
{
	struct mechanism list[MECHANISM_LIMIT];
	size_t count = 0;
	struct arena arena;
	int result = -1;
	arena_init(&arena, 0);
	/* Bounded: a peer that never says DONE is not auth. */
	for (int lines = 0; lines < 100; lines++) {
		struct span line;
		struct tabline fields;
		if (stream_read_line(&wire->stream, TABLINE_LIMIT, &line,
			error) != 0)
			goto out;
		if (!tabline_parse(line, &arena, &fields) || fields.count == 0)
			break;
		if (span_equals(fields.field[0], SPAN("DONE"))) {
			result = 0;
			goto out;
		}
		if (span_equals(fields.field[0], SPAN("MECH")))
			add_mechanism(list, &count, &fields);
	}
	error_set(error, ERROR_DAMAGED, "auth greets with something else");
out:
	if (result == 0) {
		pthread_mutex_lock(&caller->lock);
		memcpy(caller->mechanism, list, sizeof(list));
		caller->mechanism_count = count;
		caller->is_known = true;
		pthread_mutex_unlock(&caller->lock);
	}
	arena_fini(&arena);
	return result;
}

/* ---- mechanisms ---- */

static bool
is_known(struct sasl_caller *caller)
{
	pthread_mutex_lock(&caller->lock);
	bool known = caller->is_known;
	pthread_mutex_unlock(&caller->lock);
	return known;
}

/* Asks over a new wire; wires kept from before have greeted already. */
static void
ask_mechanisms(struct sasl_caller *caller)
{
	struct error error;
	int64_t deadline = clock_monotonic() + LEARN_WAIT;
	while (!is_known(caller)) {
		struct wire *wire = wire_take(caller->pool, deadline, &error);
		if (wire == NULL)
			return;
		if (!wire->is_new) {
			wire_drop(&wire);
			continue;
		}
		stream_print(&wire->stream, "VERSION\t1\t2\nCPID\t%d\n",
			(int)getpid());
		if (stream_send(&wire->stream, &error) != 0 ||
			read_greeting(caller, wire, &error) != 0) {
			wire_drop(&wire);
			return;
		}
		wire_give(&wire);
	}
}

/*
 * With auth stopped nobody waits long for it, and not all in turn: who comes
 * within a pause after one has waited in vain goes on without. When auth is
 * away, which is known at once, everybody asks again.
 */
static void
learn_mechanisms(struct sasl_caller *caller)
{
	pthread_mutex_lock(&caller->learning);
	int64_t begun = clock_monotonic();
	if (!is_known(caller) && begun >= caller->not_before) {
		ask_mechanisms(caller);
		int64_t ended = clock_monotonic();
		if (ended - begun >= LEARN_WAIT / 2)
			caller->not_before = ended + LEARN_PAUSE;
	}
	pthread_mutex_unlock(&caller->learning);
}

/* auth may have its new configuration a little later than we. */
static void
forget_again(struct sasl_caller *caller)
{
	pthread_mutex_lock(&caller->lock);
	if (caller->refresh_at != 0 &&
		clock_monotonic() >= caller->refresh_at) {
		caller->refresh_at = 0;
		caller->is_known = false;
	}
	pthread_mutex_unlock(&caller->lock);
}

static void
forget_old(struct sasl_caller *caller)
{
	uint64_t now = atomic_load(&counter_generations()->mechanisms);
	pthread_mutex_lock(&caller->lock);
	if (caller->generation != now)
		caller->is_known = false;
	caller->generation = now;
	pthread_mutex_unlock(&caller->lock);
}

/* A copy of what auth announced, asked for when nobody has yet. */
static size_t
get_mechanisms(struct sasl_caller *caller,
	struct mechanism list[MECHANISM_LIMIT])
{
	forget_again(caller);
	forget_old(caller);
	if (!is_known(caller))
		learn_mechanisms(caller);
	pthread_mutex_lock(&caller->lock);
	/* What it announced last is better than nothing. */
	size_t count = caller->mechanism_count;
	memcpy(list, caller->mechanism, sizeof(caller->mechanism));
	pthread_mutex_unlock(&caller->lock);
	return count;
}

void
sasl_caller_refresh(struct sasl_caller *caller)
{
	pthread_mutex_lock(&caller->lock);
	caller->is_known = false;
	caller->refresh_at = clock_monotonic() + REFRESH_AGAIN;
	pthread_mutex_unlock(&caller->lock);
}

static bool
is_offered(const struct mechanism *mechanism, const struct proxy2 *facts,
	bool may_send_password)
{
	if ((mechanism->is_plaintext && !may_send_password) ||
		(mechanism->is_local && facts->client.family != AF_UNIX))
		return false;
	return !mechanism->needs_binding || (facts->is_tls &&
		(facts->binding_exporter_size > 0 ||
		facts->binding_end_point_size > 0));
}

void
sasl_caller_offer(struct sasl_caller *caller, const struct proxy2 *facts,
	bool may_send_password, const char *before, struct buffer *out)
{
	struct mechanism list[MECHANISM_LIMIT];
	size_t count = get_mechanisms(caller, list);
	for (size_t i = 0; i < count; i++) {
		if (!is_offered(&list[i], facts, may_send_password))
			continue;
		buffer_add_string(out, before);
		buffer_add_string(out, list[i].name);
	}
}

bool
sasl_caller_offers(struct sasl_caller *caller, const struct proxy2 *facts,
	bool may_send_password, struct span mechanism)
{
	struct mechanism list[MECHANISM_LIMIT];
	size_t count = get_mechanisms(caller, list);
	for (size_t i = 0; i < count; i++)
		if (span_equals_nocase(span_from(list[i].name), mechanism))
			return is_offered(&list[i], facts, may_send_password);
	return false;
}

bool
sasl_call_is_response(struct span text)
{
	struct buffer out;
	buffer_init(&out, 0);
	bool is_good = base64_decode(&out, text);
	if (out.room > 0)
		explicit_bzero(out.data, out.room);
	buffer_fini(&out);
	return is_good;
}

/* ---- one call ---- */

static enum sasl_call_verdict
read_ok(const struct tabline *fields, struct sasl_call_answer *answer)
{
	struct span value;
	if (!tabline_get(fields, 2, "user", &value) || value.size == 0 ||
		value.size >= sizeof(answer->user))
		return SASL_CALL_LATER;
	memcpy(answer->user, value.data, value.size);
	if (!tabline_get(fields, 2, "account", &value) ||
		!span_to_hex_number(value, &answer->account))
		return SASL_CALL_LATER;
	if (tabline_get(fields, 2, "ticket", &value)) {
		answer->has_ticket = span_to_hex_bytes(value, answer->ticket,
			sizeof(answer->ticket));
		if (!answer->has_ticket)
			return SASL_CALL_LATER;
	}
	answer->has_challenge = tabline_get(fields, 2, "resp",
		&answer->challenge);
	return SASL_CALL_OK;
}

static enum sasl_call_verdict
read_fail(const struct tabline *fields, struct sasl_call_answer *answer)
{
	struct span value;
	uint64_t delay = 0;
	tabline_get(fields, 2, "reason", &answer->reason);
	tabline_get(fields, 2, "code", &answer->code);
	if (tabline_get(fields, 2, "delay", &value) &&
		span_to_number(value, 60000, &delay))
		answer->delay = (int64_t)delay;
	return tabline_has(fields, 2, "temp") ? SASL_CALL_LATER :
		SASL_CALL_FAILED;
}

/* The verdict of an answer line; LATER with *is_ours false when it is none. */
static enum sasl_call_verdict
read_answer(struct span line, uint32_t id, struct arena *arena,
	struct sasl_call_answer *answer, bool *is_ours)
{
	struct tabline fields;
	uint64_t number;
	*is_ours = tabline_parse(arena_copy(arena, line), arena, &fields) &&
		fields.count >= 2 &&
		span_to_number(fields.field[1], UINT32_MAX, &number) &&
		number == id;
	if (!*is_ours)
		return SASL_CALL_LATER;
	if (span_equals(fields.field[0], SPAN("OK")))
		return read_ok(&fields, answer);
	if (span_equals(fields.field[0], SPAN("FAIL")))
		return read_fail(&fields, answer);
	*is_ours = span_equals(fields.field[0], SPAN("CONT"));
	answer->has_challenge = true;
	if (fields.count > 2)
		answer->challenge = fields.field[2];
	return *is_ours ? SASL_CALL_CONTINUE : SASL_CALL_LATER;
}

/* Sends the line and reads its answer; -1 when the wire failed. */
static int
exchange(struct sasl_caller *caller, struct wire *wire, struct span request,
	struct span *line, struct error *error)
{
	if (wire->is_new)
		stream_print(&wire->stream, "VERSION\t1\t2\nCPID\t%d\n",
			(int)getpid());
	stream_add(&wire->stream, request);
	if (stream_send(&wire->stream, error) != 0)
		return -1;
	if (wire->is_new && read_greeting(caller, wire, error) != 0)
		return -1;
	return stream_read_line(&wire->stream, TABLINE_LIMIT, line, error);
}

/*
 * A wire that was kept may have died with an earlier auth: then once more over
 * a new one. The new auth knows nothing of exchanges begun before and says so.
 */
static enum sasl_call_verdict
call_auth(struct sasl_caller *caller, uint32_t id, struct span request,
	struct arena *arena, struct sasl_call_answer *answer)
{
	int64_t deadline = clock_monotonic() + SASL_CALL_WAIT;
	bool is_again = true;
	while (is_again) {
		struct error error;
		struct span line;
		struct wire *wire = wire_take(caller->pool, deadline, &error);
		if (wire == NULL)
			break;
		is_again = !wire->is_new;
		if (exchange(caller, wire, request, &line, &error) != 0) {
			is_again = is_again && error.code != ERROR_TIMEOUT;
			wire_drop(&wire);
			continue;
		}
		bool is_ours;
		enum sasl_call_verdict verdict = read_answer(line, id, arena,
			answer, &is_ours);
		if (is_ours)
			wire_give(&wire);
		else
			wire_drop(&wire);
		return verdict;
	}
	counter_add(COUNTER_CALLS_LATER, 1);
	answer->reason = SPAN("Authentication is not available now, "
		"try again later");
	return SASL_CALL_LATER;
}

static void
add_address(struct buffer *line, const char *key,
	const struct network_address *address)
{
	char text[NETWORK_TEXT_SIZE];
	if (address->family == 0)
		return;
	network_address_format(address, text);
	tabline_add_pair(line, key, span_from(text));
}

static void
add_binding(struct buffer *line, const char *key, const uint8_t *bytes,
	size_t size)
{
	if (size == 0)
		return;
	buffer_print(line, "\t%s=", key);
	buffer_add_hex(line, span_of(bytes, size));
}

static void
add_request(struct buffer *line, uint32_t id,
	const struct sasl_call_start *start)
{
	const struct proxy2 *facts = start->facts;
	buffer_print(line, "AUTH\t%u", id);
	tabline_add(line, start->mechanism);
	tabline_add_pair(line, "service", span_from(start->service));
	if (facts->is_tls)
		tabline_add(line, SPAN("secured=tls"));
	add_address(line, "rip", &facts->client);
	add_address(line, "lip", &facts->local);
	if (facts->client.family == AF_UNIX &&
		facts->client.uid != NETWORK_NO_UID)
		buffer_print(line, "\tuid=%u", facts->client.uid);
	if (facts->is_tls) {
		add_binding(line, "cbind-exporter", facts->binding_exporter,
			facts->binding_exporter_size);
		add_binding(line, "cbind-end-point",
			facts->binding_end_point,
			facts->binding_end_point_size);
	}
	if (start->has_response)
		tabline_add_pair(line, "resp", start->response);
	tabline_end(line);
}

static enum sasl_call_verdict
refuse_too_long(struct sasl_call_answer *answer)
{
	answer->reason = SPAN("The response is too long");
	return SASL_CALL_FAILED;
}

enum sasl_call_verdict
sasl_call_begin(struct sasl_caller *caller, struct sasl_call *call,
	const struct sasl_call_start *start, struct arena *arena,
	struct sasl_call_answer *answer)
{
	struct buffer line;
	*answer = (struct sasl_call_answer){ 0 };
	call->id = 0;
	if (start->response.size > SASL_CALL_RESPONSE_LIMIT)
		return refuse_too_long(answer);
	uint32_t id;
	do
		id = atomic_fetch_add(&caller->last_id, 1) + 1;
	while (id == 0);
	buffer_init(&line, 0);
	add_request(&line, id, start);
	enum sasl_call_verdict verdict = call_auth(caller, id,
		buffer_span(&line), arena, answer);
	buffer_fini(&line);
	if (verdict == SASL_CALL_CONTINUE)
		call->id = id;
	return verdict;
}

enum sasl_call_verdict
sasl_call_continue(struct sasl_caller *caller, struct sasl_call *call,
	struct span response, struct arena *arena,
	struct sasl_call_answer *answer)
{
	struct buffer line;
	*answer = (struct sasl_call_answer){ 0 };
	if (response.size > SASL_CALL_RESPONSE_LIMIT) {
		sasl_call_cancel(caller, call);
		return refuse_too_long(answer);
	}
	buffer_init(&line, 0);
	buffer_print(&line, "CONT\t%u", call->id);
	tabline_add(&line, response);
	tabline_end(&line);
	enum sasl_call_verdict verdict = call_auth(caller, call->id,
		buffer_span(&line), arena, answer);
	buffer_fini(&line);
	if (verdict != SASL_CALL_CONTINUE)
		call->id = 0;
	return verdict;
}

enum sasl_call_verdict
sasl_call_plain(struct sasl_caller *caller, const char *service,
	const struct proxy2 *facts, struct span name, struct span password,
	struct arena *arena, struct sasl_call_answer *answer)
{
	struct sasl_call call;
	struct buffer message, response;
	buffer_init(&message, 0);
	buffer_init(&response, 0);
	/* RFC 4616 2: [authzid] NUL authcid NUL passwd. A NUL in either part
	 * would shift the border, so it makes the message empty: refused. */
	if (span_find(name, '\0') == name.size &&
		span_find(password, '\0') == password.size) {
		buffer_add_byte(&message, '\0');
		buffer_add(&message, name);
		buffer_add_byte(&message, '\0');
		buffer_add(&message, password);
	}
	base64_encode(&response, buffer_span(&message));
	struct sasl_call_start start = { SPAN("PLAIN"), service, facts, true,
		buffer_span(&response) };
	enum sasl_call_verdict verdict = sasl_call_begin(caller, &call,
		&start, arena, answer);
	buffer_fini(&message);
	buffer_fini(&response);
	if (verdict != SASL_CALL_CONTINUE)
		return verdict;
	sasl_call_cancel(caller, &call);
	return SASL_CALL_FAILED;
}

void
sasl_call_cancel(struct sasl_caller *caller, struct sasl_call *call)
{
	struct error error;
	if (call->id == 0)
		return;
	struct wire *wire = wire_take(caller->pool,
		clock_monotonic() + 1000, &error);
	uint32_t id = call->id;
	call->id = 0;
	if (wire == NULL)
		return;	/* auth lets it go by itself after a while */
	bool is_greeted = !wire->is_new;
	if (wire->is_new)
		stream_print(&wire->stream, "VERSION\t1\t2\nCPID\t%d\n",
			(int)getpid());
	stream_print(&wire->stream, "CANCEL\t%u\n", id);
	if (stream_send(&wire->stream, &error) == 0 && (is_greeted ||
		read_greeting(caller, wire, &error) == 0))
		wire_give(&wire);
	else
		wire_drop(&wire);
}
