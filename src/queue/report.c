/*
 * Making reports. See report.h; their text is proto/dsn.h.
 */
#include "queue/report.h"

#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/utf8.h"
#include "queue/collect.h"
#include "queue/queue.h"

bool
report_split_reply(struct span text, struct span *host, struct span *reply)
{
	static const struct span said = SPAN(" said: ");
	struct span name;
	if (!span_starts(text, SPAN("host ")) &&
	    !span_starts(text, SPAN("relayed to ")))
		return false;
	name = span_skip(text, span_find(text, ' ') + 1);
	if (span_starts(name, SPAN("to ")))
		name = span_skip(name, 3);
	size_t end = span_search(text, said);
	if (end == text.size)
		return false;
	*reply = span_skip(text, end + said.size);
	size_t tail = span_search(*reply, SPAN(" (in reply to "));
	*reply = span_first(*reply, tail);
	size_t space = span_find(name, ' '), bracket = span_find(name, '[');
	*host = span_first(name, bracket < space ? bracket : space);
	return host->size > 0;
}

/* ---- what is to be said ---- */

static bool
is_owed(const struct recipient *recipient)
{
	return recipient->state == RECIPIENT_BOUNCE ||
		recipient->state == RECIPIENT_NOTIFY ||
		(envelope_is_waiting(recipient) &&
		recipient->warning == WARNING_OWED);
}

static enum dsn_action
action_of(const struct recipient *recipient)
{
	if (recipient->state == RECIPIENT_BOUNCE)
		return DSN_FAILED;
	if (recipient->state != RECIPIENT_NOTIFY)
		return DSN_DELAYED;
	return span_equals(recipient->reply.status, SPAN("2.1.9")) ?
		DSN_RELAYED : DSN_DELIVERED;
}

/* What was given, or what it was sent to before aliases (RFC 3464 2.3.1). */
static struct span
original_of(const struct recipient *recipient, struct arena *arena)
{
	struct buffer text;
	if (recipient->orcpt.size > 0 || recipient->original.size == 0)
		return recipient->orcpt;
	buffer_init(&text, 0);
	buffer_add_string(&text, "rfc822;");
	smtp_xtext_encode(&text, recipient->original);
	struct span copy = arena_copy(arena, buffer_span(&text));
	buffer_fini(&text);
	return copy;
}

static void
describe(const struct recipient *recipient, struct arena *arena,
	struct dsn_recipient *out)
{
	const struct delivery_reply *reply = &recipient->reply;
	*out = (struct dsn_recipient){ .action = action_of(recipient),
		.original = original_of(recipient, arena),
		.final = recipient->to, .code = reply->code,
		.status = reply->status, .text = reply->text,
		.last_attempt = recipient->last / 1000 };
	/* RFC 3464 2.3.4: it says how the recipient stands with us. */
	if (out->action == DSN_RELAYED)
		out->status = SPAN("2.0.0");
	report_split_reply(reply->text, &out->host, &out->diagnostic);
}

static struct dsn_recipient *
describe_all(const struct envelope *envelope, struct arena *arena,
	size_t *count)
{
	struct dsn_recipient *out = arena_new_array(arena, envelope->count,
		sizeof(*out));
	*count = 0;
	for (size_t i = 0; i < envelope->count; i++)
		if (is_owed(&envelope->recipient[i]))
			describe(&envelope->recipient[i], arena,
				&out[(*count)++]);
	return out;
}

/* ---- which report it is ---- */

/* The same cause makes the same id: the transaction, and for each recipient
 * what is said of him. */
static void
make_transaction(const struct envelope *envelope,
	const struct dsn_report *report,
	uint8_t transaction[STORE_TRANSACTION_SIZE])
{
	static const uint8_t keys[2][16] = { "posthouse report",
		"report posthouse" };
	struct buffer cause;
	buffer_init(&cause, 0);
	buffer_add(&cause, span_of(envelope->transaction,
		STORE_TRANSACTION_SIZE));
	for (size_t i = 0; i < report->count; i++)
		buffer_print(&cause, "%d %.*s\n", report->recipient[i].action,
			SPAN_PRINT(report->recipient[i].final));
	for (size_t i = 0; i < 2; i++) {
		uint64_t hash = hash_siphash(keys[i], buffer_span(&cause));
		memcpy(transaction + i * sizeof(hash), &hash, sizeof(hash));
	}
	buffer_fini(&cause);
}

/* Something that does not lead back to anybody; see RFC 3834 4. */
static void
make_envelope(const struct envelope *cause, struct dsn_report *report,
	struct arena *arena, struct envelope *envelope)
{
	char hex[2 * STORE_TRANSACTION_SIZE + 1];
	struct buffer text = { .data = hex, .room = sizeof(hex),
		.limit = sizeof(hex) };
	*envelope = (struct envelope){ .scope = cause->scope,
		.arrival = clock_wall(), .body = SPAN("7bit"),
		.is_utf8 = report->is_utf8, .is_report = true,
		.needs_tls = cause->needs_tls,	/* RFC 8689 5 */
		.is_double = cause->is_report };
	make_transaction(cause, report, envelope->transaction);
	buffer_add_hex(&text, span_of(envelope->transaction,
		STORE_TRANSACTION_SIZE));
	report->id = arena_copy(arena, buffer_span(&text));
	envelope->id = arena_print(arena, "%.*s.%.*s", SPAN_PRINT(cause->id),
		4, hex);
}

/* ---- the message ---- */

/* RFC 3461 4.3; only a failure returns the message (6.2 (h)). */
static uint64_t
returned_size(const struct envelope *cause, const struct dsn_report *report,
	uint64_t size)
{
	bool is_failure = false;
	for (size_t i = 0; i < report->count; i++)
		is_failure |= report->recipient[i].action == DSN_FAILED;
	uint64_t most = span_equals(cause->ret, SPAN("full")) ?
		REPORT_WHOLE_LIMIT : span_equals(cause->ret, SPAN("hdrs")) ? 0 :
		REPORT_UNASKED_LIMIT;
	/* Binary cannot stand in 8bit. */
	return is_failure && size <= most &&
		!span_equals(cause->body, SPAN("binarymime")) ? size : 0;
}

static int
read_returned(const struct envelope *cause, struct dsn_report *report,
	const struct store_body *body, struct arena *arena,
	struct span *returned, struct error *error)
{
	uint64_t size = returned_size(cause, report, body->size);
	report->returned = size > 0 ? DSN_RETURN_WHOLE : DSN_RETURN_HEADER;
	if (size == 0)
		size = body->size < REPORT_UNASKED_LIMIT ? body->size :
			REPORT_UNASKED_LIMIT;
	char *bytes = arena_new(arena, size + 1);
	if (store_body_read(body, 0, bytes, size, error) < 0)
		return -1;
	*returned = span_of(bytes, size);
	if (report->returned == DSN_RETURN_HEADER)
		*returned = dsn_header(*returned);
	report->is_8bit = !utf8_is_ascii(*returned);
	return 0;
}

static int
compose(struct dsn_report *report, struct span returned,
	struct envelope *envelope, struct mail_body *message,
	struct error *error)
{
	struct buffer text;
	buffer_init(&text, 0);
	dsn_add_head(&text, report);
	buffer_add(&text, returned);
	dsn_add_tail(&text, report);
	if (!utf8_is_ascii(buffer_span(&text)))
		envelope->body = SPAN("8bitmime");
	int result = mail_body_add(message, buffer_span(&text), error);
	buffer_fini(&text);
	return result;
}

/* ---- where it goes ---- */

enum expand_verdict
report_address(struct queue *queue, const struct span *to, size_t count,
	struct arena *arena, struct envelope *envelope)
{
	struct expansion *expansion = arena_new_array(arena, count,
		sizeof(*expansion));
	struct mail_recipient *recipient = arena_new_array(arena, count,
		sizeof(*recipient));
	size_t unknown = 0;
	for (size_t i = 0; i < count; i++) {
		expansion[i].address = recipient[i].address = to[i];
		recipient[i].rcpt.notify = SMTP_NOTIFY_NEVER;
	}
	expand_all(&queue->expander, arena, expansion, count);
	for (size_t i = 0; i < count; i++) {
		if (expansion[i].verdict == EXPAND_LATER)
			return EXPAND_LATER;
		unknown += expansion[i].verdict == EXPAND_UNKNOWN;
	}
	return unknown < count && collect_recipients(envelope, arena,
		recipient, expansion, count) ? EXPAND_OK : EXPAND_UNKNOWN;
}

static void
log_report(const char *event, const struct envelope *cause,
	const struct envelope *envelope, const struct dsn_report *report)
{
	log_event(LOG_INFO, event, &cause->scope, LOG_SPAN("id", cause->id),
		LOG_SPAN("report", envelope->id), LOG_SPAN("to", report->to),
		LOG_NUMBER("recipients", report->count));
}

/* False: later. */
static bool
send_report(struct queue *queue, const struct envelope *cause,
	struct dsn_report *report, const struct store_body *body,
	struct arena *arena)
{
	struct envelope envelope;
	struct mail_body message;
	struct span returned;
	struct error error;
	make_envelope(cause, report, arena, &envelope);
	switch (report_address(queue, &report->to, 1, arena, &envelope)) {
	case EXPAND_LATER:
		return false;
	case EXPAND_UNKNOWN:
		log_report("report-undeliverable", cause, &envelope, report);
		return true;
	case EXPAND_OK:
		break;
	}
	mail_body_init(&message, queue->server.spill);
	enum spool_verdict verdict = SPOOL_TROUBLE;
	if (read_returned(cause, report, body, arena, &returned, &error) == 0 &&
	    compose(report, returned, &envelope, &message, &error) == 0)
		verdict = spool_add(&queue->spool, &envelope, &message, arena,
			NULL, &error);
	mail_body_fini(&message);
	if (verdict != SPOOL_OK && verdict != SPOOL_DUPLICATE) {
		log_event(LOG_ERROR, "report-failed", &cause->scope,
			LOG_SPAN("id", cause->id),
			LOG_TEXT("error", error.text));
		return false;
	}
	log_report("report", cause, &envelope, report);
	return true;
}

/* ---- the cause ---- */

static void
look_at_all(struct queue *queue, struct envelope *envelope)
{
	struct attempt_rules rules = queue_rules(queue);
	bool may_expire = retry_may_expire(&queue->retry);
	for (size_t i = 0; i < envelope->count; i++)
		attempt_look(&rules, envelope, &envelope->recipient[i],
			clock_wall(), may_expire);
}

static void
mark_told(struct envelope *envelope)
{
	for (size_t i = 0; i < envelope->count; i++) {
		struct recipient *recipient = &envelope->recipient[i];
		if (envelope_is_waiting(recipient))
			recipient->warning = recipient->warning ==
				WARNING_OWED ? WARNING_DONE :
				recipient->warning;
		else
			recipient->state = RECIPIENT_DONE;
	}
}

static bool
tell(struct queue *queue, const struct envelope *envelope,
	const struct store_body *body, struct arena *arena)
{
	const struct report_rules rules = queue_report_rules(queue);
	struct attempt_rules times = queue_rules(queue);
	struct dsn_report report = { .language = rules.language,
		.host = rules.host, .domain = rules.domain,
		.to = envelope->sender, .date = clock_wall() / 1000,
		.arrival = envelope->arrival / 1000,
		.retry_until = attempt_end(&times, envelope) / 1000,
		.envid = envelope->envid, .trace =
			span_from(envelope->scope.trace),
		.is_utf8 = envelope->is_utf8,
		.is_double = envelope->is_report };
	report.recipient = describe_all(envelope, arena, &report.count);
	if (report.count == 0)
		return true;
	if (envelope->is_report)
		report.to = arena_print(arena, "postmaster@%.*s",
			SPAN_PRINT(rules.domain));
	if (report.to.size == 0)
		return true;
	return send_report(queue, envelope, &report, body, arena);
}

void
report_make(struct queue *queue, struct queued **row,
	struct envelope *envelope, const struct store_body *body,
	struct arena *arena)
{
	struct error error;
	look_at_all(queue, envelope);
	if (!tell(queue, envelope, body, arena)) {
		spool_postpone(&queue->spool, row, queue_rules(queue).minimal);
		return;
	}
	mark_told(envelope);
	if (spool_settle(&queue->spool, row, envelope, &error) < 0)
		log_event(LOG_ERROR, "spool-failed", &envelope->scope,
			LOG_SPAN("id", envelope->id),
			LOG_TEXT("error", error.text));
}
