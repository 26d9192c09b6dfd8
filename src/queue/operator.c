/*
 * The operator's wire to the queue: what is in the spool, and one message of it
 * (ARCHITECTURE.md 2.5). Runs on workers. What changes the spool is
 * operator_change.c.
 */
#include "base/clock.h"
#include "queue/operator.h"
#include "queue/queue.h"

enum {
	SHOWN_BYTES = 1 << 20,		/* of the message */
	SHOWN_LINE = 16384,		/* bytes of one row */
};

/* ---- QUEUE-LIST ---- */

static void
add_time(struct admin_call *call, const char *key, int64_t when)
{
	char text[25] = "";
	if (when > 0)
		clock_format_iso(when, text);
	admin_row_field(call, key, span_from(text));
}

static void
add_error(struct admin_call *call, const struct delivery_reply *reply)
{
	struct buffer text;
	buffer_init(&text, 0);
	if (reply->code != 0)
		buffer_print(&text, "%u %.*s%s%.*s", reply->code,
			SPAN_PRINT(reply->status),
			reply->status.size > 0 ? " " : "",
			SPAN_PRINT(reply->text));
	admin_row_field(call, "error", buffer_span(&text));
	buffer_fini(&text);
}

static struct span
state_of(const struct envelope *envelope, const struct recipient *recipient)
{
	return envelope->is_held ? SPAN("held") :
		span_from(envelope_state_name(recipient->state));
}

static bool
list_recipient(struct admin_call *call, const struct spool_message *message,
	const struct recipient *recipient)
{
	static const struct delivery_reply none = { 0, { NULL, 0 },
		{ NULL, 0 } };
	const struct envelope *envelope = message->envelope;
	bool is_waiting = envelope_is_waiting(recipient) && !envelope->is_held;
	admin_row_begin(call);
	admin_row_field(call, "id", span_from(message->id));
	add_time(call, "arrival", envelope->arrival);
	admin_row_number(call, "size", message->size);
	admin_row_field(call, "sender", envelope->sender);
	admin_row_field(call, "recipient", recipient->to);
	admin_row_field(call, "state", state_of(envelope, recipient));
	admin_row_number(call, "attempts", recipient->attempts);
	add_time(call, "next", is_waiting ? recipient->next : 0);
	add_error(call, recipient->reply.code < 300 ? &none :
		&recipient->reply);
	return admin_row_end(call);
}

static bool
list_damaged(struct admin_call *call, const struct spool_message *message)
{
	admin_row_begin(call);
	admin_row_field(call, "id", span_from(message->id));
	add_time(call, "arrival", message->received * 1000);
	admin_row_number(call, "size", message->size);
	admin_row_field(call, "sender", SPAN(""));
	admin_row_field(call, "recipient", SPAN(""));
	admin_row_field(call, "state", SPAN("damaged"));
	admin_row_number(call, "attempts", 0);
	admin_row_field(call, "next", SPAN(""));
	admin_row_field(call, "error", SPAN("the envelope cannot be read"));
	return admin_row_end(call);
}

/* The rows that an operator asked for. */
struct listing {
	struct admin_call *call;
	struct choice choice;
};

static int
list_message(void *context, const struct spool_message *message)
{
	struct listing *listing = context;
	const struct envelope *envelope = message->envelope;
	if (!choice_has_message(&listing->choice, message))
		return 0;
	if (envelope == NULL)
		return list_damaged(listing->call, message) ? 0 : -1;
	for (size_t i = 0; i < envelope->count; i++)
		if (choice_has_recipient(&listing->choice,
			&envelope->recipient[i]) && !list_recipient(
			listing->call, message, &envelope->recipient[i]))
			return -1;
	return 0;
}

static void
queue_list(struct admin_call *call)
{
	struct queue *queue = call->context;
	struct listing listing = { .call = call };
	struct error error;
	choice_read(call, &listing.choice);
	if (spool_visit(&queue->spool, list_message, &listing, &error) < 0)
		admin_fail(call, "%s", error.text);
}

/* ---- QUEUE-SHOW ---- */

static bool
show_line(struct admin_call *call, struct span line)
{
	if (line.size > 0 && line.data[line.size - 1] == '\r')
		line.size--;
	admin_row_begin(call);
	admin_row_field(call, "line", line);
	return admin_row_end(call);
}

static bool
show_print(struct admin_call *call, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static bool
show_print(struct admin_call *call, const char *format, ...)
{
	struct buffer text;
	va_list list;
	buffer_init(&text, 0);
	va_start(list, format);
	buffer_print_list(&text, format, list);
	va_end(list);
	bool ok = show_line(call, buffer_span(&text));
	buffer_fini(&text);
	return ok;
}

static void
show_recipient(struct admin_call *call, const struct recipient *recipient)
{
	char next[25] = "";
	show_print(call, "recipient %.*s: %s, %u attempts",
		SPAN_PRINT(recipient->to),
		envelope_state_name(recipient->state), recipient->attempts);
	if (recipient->original.size > 0)
		show_print(call, "  sent to %.*s",
			SPAN_PRINT(recipient->original));
	if (recipient->reply.code != 0)
		show_print(call, "  last reply %u %.*s %.*s",
			recipient->reply.code,
			SPAN_PRINT(recipient->reply.status),
			SPAN_PRINT(recipient->reply.text));
	if (!envelope_is_waiting(recipient))
		return;
	clock_format_iso(recipient->next, next);
	show_print(call, "  next attempt %s", next);
}

static void
show_envelope(struct admin_call *call, const struct envelope *envelope)
{
	char arrival[25] = "";
	clock_format_iso(envelope->arrival, arrival);
	show_print(call, "id %.*s", SPAN_PRINT(envelope->id));
	show_print(call, "trace %s", envelope->scope.trace);
	show_print(call, "session %s", envelope->scope.session);
	show_print(call, "arrival %s", arrival);
	show_print(call, "sender <%.*s>", SPAN_PRINT(envelope->sender));
	if (envelope->envid.size > 0)
		show_print(call, "envid %.*s", SPAN_PRINT(envelope->envid));
	for (size_t i = 0; i < envelope->count; i++)
		show_recipient(call, &envelope->recipient[i]);
}

/* Line by line; what has no line end within SHOWN_LINE is cut there. */
static void
show_body(struct admin_call *call, const struct store_body *body)
{
	char bytes[SHOWN_LINE];
	struct error error;
	uint64_t end = body->size < SHOWN_BYTES ? body->size : SHOWN_BYTES;
	for (uint64_t at = 0; at < end;) {
		size_t size = end - at < SHOWN_LINE ? (size_t)(end - at) :
			SHOWN_LINE;
		if (store_body_read(body, at, bytes, size, &error) < 0) {
			show_print(call, "[%s]", error.text);
			return;
		}
		struct span rest = span_of(bytes, size);
		size_t line = span_find(rest, '\n');
		bool is_whole = line < rest.size;
		while (line < rest.size) {
			if (!show_line(call, span_first(rest, line)))
				return;
			rest = span_skip(rest, line + 1);
			line = span_find(rest, '\n');
		}
		/* The rest of a piece is read again with what follows it. */
		if (!is_whole || at + size == end) {
			if (rest.size > 0 && !show_line(call, rest))
				return;
			rest.size = 0;
		}
		at += size - rest.size;
	}
	if (end < body->size)
		show_print(call, "[%llu bytes more]",
			(unsigned long long)(body->size - end));
}

/* The row is taken for the moment of reading, so that it stays there. */
static bool
take(struct admin_call *call, struct queued **row)
{
	struct queue *queue = call->context;
	struct span id;
	if (!admin_need(call, "id", &id))
		return false;
	switch (spool_take(&queue->spool, id, row)) {
	case SPOOL_TAKEN:
		return true;
	case SPOOL_NOT_THERE:
		admin_fail(call, "%.*s is not in the queue", SPAN_PRINT(id));
		return false;
	default:
		admin_fail(call, "%.*s is being delivered now; try again",
			SPAN_PRINT(id));
		return false;
	}
}

static void
queue_show(struct admin_call *call)
{
	struct queue *queue = call->context;
	struct queued *row;
	struct envelope envelope;
	struct store_body body;
	struct error error;
	if (!take(call, &row))
		return;
	int result = spool_read(&queue->spool, row, call->arena, &envelope,
		&body, &error);
	spool_put_back(&queue->spool, &row);
	if (result < 0) {
		admin_fail(call, "%s", error.text);
		return;
	}
	if (result == 0)
		show_envelope(call, &envelope);
	else
		show_print(call, "[the envelope cannot be read]");
	show_print(call, "%s", "");
	show_body(call, &body);
	store_body_close(&body);
}

const struct admin_command queue_operator_commands[] = {
	{ "QUEUE-LIST", queue_list },
	{ "QUEUE-SHOW", queue_show },
	{ "QUEUE-RETRY", operator_retry },
	{ "QUEUE-HOLD", operator_hold },
	{ "QUEUE-RELEASE", operator_release },
	{ "QUEUE-DELETE", operator_delete },
	{ NULL, NULL },
};
