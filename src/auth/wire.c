/*
 * Sessions of the inner wires of auth. A wire belongs to another process of
 * ours; it is bounded and checked all the same, because that process may have
 * been taken over.
 */
#include "auth/wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "serve/counter.h"

enum { WIRE_WRITE_WAIT = 5000 /* ms for the other end to read its answers */ };

/* ---- one line ---- */

static const struct wire_command *
find_command(const struct auth_wire *wire, struct span name)
{
	const struct wire_command *command = wire->service->commands;
	for (; command->name != NULL; command++)
		if (span_equals(span_from(command->name), name) &&
			(command->caller == NULL ||
			strcmp(command->caller, wire->caller) == 0))
			return command;
	return NULL;
}

static bool
handle_fields(struct wire_request *request)
{
	const struct tabline *fields = &request->fields;
	if (fields->count == 0)
		return false;
	if (span_equals(fields->field[0], SPAN("VERSION")))
		return fields->count >= 2 &&
			span_equals(fields->field[1], SPAN("1"));
	if (span_equals(fields->field[0], SPAN("CPID")))
		return true;	/* which process it is says the wire */
	const struct wire_command *command = find_command(request->wire,
		fields->field[0]);
	if (command == NULL || fields->count < command->least_fields)
		return false;
	counter_add(COUNTER_COMMANDS, 1);
	if (request->wire->trouble != NULL)
		wire_fail(request, request->wire->trouble);
	else
		command->run(request);
	return true;
}

bool
wire_handle_line(struct auth_wire *wire, struct span line, struct buffer *out)
{
	struct arena arena;
	struct wire_request request = { .wire = wire, .arena = &arena,
		.out = out };
	arena_init(&arena, 0);
	bool ok = tabline_parse(line, &arena, &request.fields) &&
		handle_fields(&request);
	if (!ok)
		log_event(LOG_WARN, "wire-misused", NULL,
			LOG_TEXT("service", wire->service->name),
			LOG_TEXT("caller", wire->caller),
			LOG_NUMBER("bytes", line.size));
	arena_fini(&arena);
	return ok;
}

static void
greet(const struct wire_service *service, struct buffer *out)
{
	buffer_add_string(out, "VERSION\t1\t2\n");
	if (service->greet != NULL)
		service->greet(out);
}

/* ---- sessions ---- */

/* True when the line may be handled now, false when it has to wait. Who must
 * not wait any more is told so when there is no password to be checked. */
static bool
take_turn(struct auth_wire *wire, bool *must_leave)
{
	*must_leave = false;
	if (wire->turnstile == NULL)
		return true;
	wire->turn.session = &wire->session;
	enum turnstile_verdict verdict = turnstile_enter(wire->turnstile,
		&wire->turn, clock_monotonic());
	*must_leave = verdict == TURNSTILE_ENTERED;
	return verdict != TURNSTILE_WAIT;
}

/* Handles the whole lines that are there, or up to one that has to wait; false:
 * close. */
static bool
handle_lines(struct auth_wire *wire, struct buffer *out)
{
	for (;;) {
		bool must_leave;
		struct span unread = stream_unread(&wire->stream);
		size_t end = span_find(unread, '\n');
		if (end > TABLINE_LIMIT)
			return false;
		if (end == unread.size || !take_turn(wire, &must_leave))
			return true;
		bool ok = wire_handle_line(wire, span_first(unread, end), out);
		if (must_leave)
			turnstile_leave(wire->turnstile, clock_monotonic());
		stream_consume(&wire->stream, end + 1);
		stream_add(&wire->stream, buffer_span(out));
		buffer_clear(out);
		if (!ok)
			return false;
	}
}

static enum session_next
read_and_answer(struct auth_wire *wire)
{
	struct buffer out;
	bool goes_on = true;
	int n = 1;
	buffer_init(&out, 0);
	do {
		goes_on = handle_lines(wire, &out);
		wire->stream.deadline = clock_monotonic() + WIRE_WRITE_WAIT;
		if (stream_flush(&wire->stream) != STREAM_CLEAN)
			goes_on = false;
	} while (goes_on && !turn_is_waiting(&wire->turn) &&
		(n = stream_fill(&wire->stream)) > 0);
	buffer_fini(&out);
	if (goes_on && turn_is_waiting(&wire->turn)) {
		wire->session.deadline = wire->turn.deadline;
		wire->session.interest = 0;
		return SESSION_PARK_AS_SET;
	}
	wire->session.deadline = INT64_MAX;
	stream_shrink(&wire->stream);
	return goes_on && n == -1 ? SESSION_PARK : SESSION_CLOSE;
}

static enum session_next
run(struct session *session, enum session_event event)
{
	struct auth_wire *wire = (struct auth_wire *)session;
	struct buffer out;
	switch (event) {
	case SESSION_START:
		buffer_init(&out, 0);
		greet(wire->service, &out);
		stream_add(&wire->stream, buffer_span(&out));
		buffer_fini(&out);
		wire->stream.deadline = clock_monotonic() + WIRE_WRITE_WAIT;
		if (stream_flush(&wire->stream) != STREAM_CLEAN)
			return SESSION_CLOSE;
		return read_and_answer(wire);
	case SESSION_READABLE:
		/* While it waits for its turn only its end is told. */
		if (turn_is_waiting(&wire->turn))
			return SESSION_CLOSE;
		return read_and_answer(wire);
	case SESSION_NUDGE:
		return read_and_answer(wire);
	case SESSION_DEADLINE:
		turnstile_expire(&wire->turn, clock_monotonic());
		return read_and_answer(wire);
	case SESSION_WRITABLE:
	case SESSION_STOP:
		break;
	}
	return SESSION_CLOSE;
}

static void
free_wire(struct session **session)
{
	struct auth_wire *wire = (struct auth_wire *)*session;
	turnstile_withdraw(&wire->turn, clock_monotonic());
	stream_fini(&wire->stream);
	buffer_fini(&wire->table);
	memory_free(wire);
	*session = NULL;
}

static const struct session_type wire_type = { "auth-wire", run, free_wire };

static struct auth_wire *
wire_new(const struct wire_service *service, const char *caller, int *fd)
{
	struct auth_wire *new = memory_new(sizeof(*new));
	stream_init(&new->stream, fd);
	new->stream.is_wire = true;
	new->session.type = &wire_type;
	new->session.fd = new->stream.fd;
	new->session.second_fd = -1;
	new->session.deadline = INT64_MAX;
	new->service = service;
	snprintf(new->caller, sizeof(new->caller), "%s", caller);
	return new;
}

static void
accept_for(struct lot *lot, struct incoming *incoming,
	const struct wire_service *service)
{
	struct auth_wire *wire = wire_new(service, incoming->caller == NULL ?
		"" : incoming->caller, &incoming->fd);
	wire->instance = incoming->caller_instance;
	wire->process = incoming->caller_pid;
	if (service == &wire_sasl)
		wire->turnstile = &auth.turnstile;
	lot_add(lot, &wire->session);
}

void
wire_accept_sasl(struct lot *lot, struct incoming *incoming)
{
	accept_for(lot, incoming, &wire_sasl);
}

void
wire_accept_user(struct lot *lot, struct incoming *incoming)
{
	accept_for(lot, incoming, &wire_user);
}

void
wire_accept_ticket(struct lot *lot, struct incoming *incoming)
{
	accept_for(lot, incoming, &wire_ticket);
}

void
wire_accept_admin(struct lot *lot, struct incoming *incoming)
{
	accept_for(lot, incoming, &wire_admin);
}

void
wire_accept_domains(struct lot *lot, struct incoming *incoming)
{
	accept_for(lot, incoming, &wire_domains);
}

void
wire_serve(const struct wire_service *service, const char *caller,
	const struct error *trouble, int *fd)
{
	struct auth_wire *wire = wire_new(service, caller, fd);
	struct session *session = &wire->session;
	struct buffer out;
	struct span line;
	struct error error;
	bool goes_on = true;
	wire->trouble = trouble;
	buffer_init(&out, 0);
	greet(service, &out);
	while (goes_on) {
		stream_add(&wire->stream, buffer_span(&out));
		buffer_clear(&out);
		if (stream_send(&wire->stream, &error) != 0 ||
			stream_read_line(&wire->stream, TABLINE_LIMIT, &line,
			&error) != 0)
			break;
		goes_on = wire_handle_line(wire, line, &out);
	}
	buffer_fini(&out);
	free_wire(&session);
}

/* ---- answers ---- */

void
wire_answer(struct wire_request *request, const char *word)
{
	buffer_add_string(request->out, word);
	tabline_add(request->out, request->fields.field[1]);
}

void
wire_add(struct wire_request *request, const char *key, struct span value)
{
	tabline_add_pair(request->out, key, value);
}

void
wire_add_number(struct wire_request *request, const char *key,
	uint64_t number)
{
	tabline_add_number(request->out, key, number);
}

void
wire_add_id(struct wire_request *request, const char *key, uint64_t id)
{
	buffer_print(request->out, "\t%s=%016" PRIx64, key, id);
}

void
wire_end(struct wire_request *request)
{
	tabline_end(request->out);
}

void
wire_fail(struct wire_request *request, const struct error *error)
{
	wire_answer(request, "FAIL");
	wire_add(request, "reason", span_from(error->text));
	wire_end(request);
}

struct span
wire_get(const struct wire_request *request, const char *key)
{
	struct span value = { NULL, 0 };
	tabline_get(&request->fields, 2, key, &value);
	return value;
}

bool
wire_has(const struct wire_request *request, const char *key)
{
	struct span value;
	return tabline_get(&request->fields, 2, key, &value);
}
