/*
 * The operator's wires, the server's side. The other end is the operator's
 * command, joined to us by master; what it sends is bounded all the same.
 */
#include "serve/admin.h"

#include <assert.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

struct admin_session {
	struct session session;		/* first */
	struct stream stream;
	const struct admin_server *server;
};

/* ---- answers ---- */

static void
begin(struct admin_call *call, struct span kind)
{
	buffer_clear(&call->line);
	tabline_add(&call->line, kind);
	tabline_add(&call->line, call->fields->field[1]);
}

static void
end(struct admin_call *call)
{
	tabline_end(&call->line);
	call->stream->deadline = clock_monotonic() + ADMIN_PATIENCE;
	stream_add(call->stream, buffer_span(&call->line));
}

void
admin_row_begin(struct admin_call *call)
{
	begin(call, SPAN("ROW"));
}

void
admin_row_field(struct admin_call *call, const char *key, struct span value)
{
	tabline_add_pair(&call->line, key, value);
}

void
admin_row_number(struct admin_call *call, const char *key, uint64_t number)
{
	tabline_add_number(&call->line, key, number);
}

bool
admin_row_end(struct admin_call *call)
{
	end(call);
	return !call->stream->is_failed;
}

void
admin_line_begin(struct admin_call *call, struct span word)
{
	assert(!call->is_answered);
	call->is_answered = true;
	begin(call, word);
}

void
admin_ok(struct admin_call *call)
{
	assert(!call->is_answered);
	call->is_answered = true;
	begin(call, SPAN("OK"));
	end(call);
}

void
admin_fail(struct admin_call *call, const char *format, ...)
{
	struct buffer reason;
	va_list list;
	assert(!call->is_answered);
	call->is_answered = true;
	buffer_init(&reason, 0);
	va_start(list, format);
	buffer_print_list(&reason, format, list);
	va_end(list);
	begin(call, SPAN("FAIL"));
	tabline_add_pair(&call->line, "reason", buffer_span(&reason));
	end(call);
	buffer_fini(&reason);
}

bool
admin_need(struct admin_call *call, const char *key, struct span *value)
{
	if (tabline_get(call->fields, 2, key, value) && value->size > 0)
		return true;
	admin_fail(call, "%s= is missing", key);
	return false;
}

/* ---- requests ---- */

static void
execute(struct admin_session *session, struct admin_call *call)
{
	const struct admin_command *command = session->server->commands;
	while (command->name != NULL && !span_equals(call->fields->field[0],
		span_from(command->name)))
		command++;
	if (command->name == NULL) {
		admin_fail(call, "command not known");
		return;
	}
	log_event(LOG_DEBUG, "admin", NULL, LOG_TEXT("command", command->name));
	command->function(call);
	if (!call->is_answered)
		admin_ok(call);
}

static bool
take_line(struct admin_session *session, struct span line)
{
	struct arena arena;
	struct tabline fields;
	bool ok = true;
	if (span_starts(line, SPAN("VERSION\t")))
		return span_starts(line, SPAN("VERSION\t1\t"));
	arena_init(&arena, 0);
	if (!tabline_parse(line, &arena, &fields) || fields.count < 2 ||
		fields.field[0].size == 0) {
		ok = false;
	} else {
		struct admin_call call = { .fields = &fields, .arena = &arena,
			.context = session->server->context,
			.stream = &session->stream };
		buffer_init(&call.line, 0);
		execute(session, &call);
		buffer_fini(&call.line);
	}
	arena_fini(&arena);
	return ok;
}

static enum session_next
park(struct admin_session *session)
{
	switch (stream_flush(&session->stream)) {
	case STREAM_CLEAN:
		stream_shrink(&session->stream);
		return SESSION_PARK;
	case STREAM_PENDING:
		return SESSION_PARK_WRITE;
	default:
		return SESSION_CLOSE;
	}
}

static enum session_next
read_and_execute(struct admin_session *session)
{
	int n = stream_fill(&session->stream);
	if (n == 0 || n == -2)
		return SESSION_CLOSE;
	for (;;) {
		struct span unread = stream_unread(&session->stream);
		size_t size = span_find(unread, '\n');
		if (size > TABLINE_LIMIT)
			return SESSION_CLOSE;
		if (size == unread.size)
			return park(session);
		if (!take_line(session, span_first(unread, size)))
			return SESSION_CLOSE;
		stream_consume(&session->stream, size + 1);
	}
}

static enum session_next
admin_run(struct session *base, enum session_event event)
{
	struct admin_session *session = (struct admin_session *)base;
	switch (event) {
	case SESSION_START:
		stream_add(&session->stream, SPAN("VERSION\t1\t2\n"));
		return park(session);
	case SESSION_STOP:
	case SESSION_DEADLINE:
		return SESSION_CLOSE;
	case SESSION_WRITABLE:
		return park(session);
	default:
		return read_and_execute(session);
	}
}

static void
admin_free(struct session **base)
{
	struct admin_session *session = (struct admin_session *)*base;
	stream_fini(&session->stream);
	memory_free(session);
	*base = NULL;
}

static const struct session_type admin_type = {
	.name = "admin", .run = admin_run, .free = admin_free,
};

void
admin_accept(struct lot *lot, struct incoming *incoming,
	const struct admin_server *server)
{
	struct admin_session *session = memory_new(sizeof(*session));
	session->session = (struct session){ .type = &admin_type,
		.fd = incoming->fd, .second_fd = -1, .deadline = INT64_MAX,
		.is_background = true };
	session->server = server;
	stream_init(&session->stream, &incoming->fd);
	session->stream.is_wire = true;
	lot_add(lot, &session->session);
}
