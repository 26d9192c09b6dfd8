/* Fetching and sending TLS reports; tls_report.h. */
#include "queue/tls_report.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/hash.h"
#include "proto/date.h"
#include "queue/queue.h"
#include "serve/tab_call.h"

enum {
	AT_ONCE = 100,		/* reports; others after the next wait */
	BASE64_LINE = 76,	/* RFC 2045 6.8 */
};

/* ---- the message (RFC 8460 5.3) ---- */

static void
add_base64(struct buffer *out, struct span bytes)
{
	struct buffer text;
	buffer_init(&text, 0);
	base64_encode(&text, bytes);
	for (struct span rest = buffer_span(&text); rest.size > 0;
	    rest = span_skip(rest, BASE64_LINE)) {
		buffer_add(out, span_first(rest, BASE64_LINE));
		buffer_add_string(out, "\r\n");
	}
	buffer_fini(&text);
}

/* What the header says first is how relay knows it (tls_report_is_one). */
static void
add_header(const struct tls_report_mail *mail, struct span host,
	struct span domain, int64_t date, struct buffer *out)
{
	buffer_print(out, "TLS-Report-Domain: %.*s\r\n"
		"TLS-Report-Submitter: %.*s\r\n"
		"TLS-Required: No\r\n"	/* RFC 8689 5 */
		"From: <postmaster@%.*s>\r\nTo: ",
		SPAN_PRINT(mail->domain), SPAN_PRINT(domain),
		SPAN_PRINT(domain));
	for (size_t i = 0; i < mail->to_count; i++)
		buffer_print(out, "%s<%.*s>", i == 0 ? "" : ",\r\n\t",
			SPAN_PRINT(mail->to[i]));
	buffer_print(out, "\r\nSubject: Report Domain: %.*s\r\n\tSubmitter: "
		"%.*s\r\n\tReport-ID: <%.*s@%.*s>\r\nDate: ",
		SPAN_PRINT(mail->domain), SPAN_PRINT(domain),
		SPAN_PRINT(mail->id), SPAN_PRINT(host));
	date_format_header(out, date, 0);
	buffer_print(out, "\r\nMessage-ID: <%.*s@%.*s>\r\n"
		"Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
		"Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n"
		"\tboundary=\"report-%.*s\"\r\n\r\n",
		SPAN_PRINT(mail->id), SPAN_PRINT(host), SPAN_PRINT(mail->id));
}

void
tls_report_compose(const struct tls_report_mail *mail, struct span host,
	struct span domain, int64_t date, struct buffer *out)
{
	add_header(mail, host, domain, date, out);
	buffer_print(out, "--report-%.*s\r\n"
		"Content-Type: text/plain; charset=us-ascii\r\n\r\n"
		"This is a report about TLS with the mail servers of %.*s, as "
		"%.*s\r\nsaw it (RFC 8460).\r\n\r\n"
		"--report-%.*s\r\nContent-Type: application/tlsrpt+gzip\r\n"
		"Content-Transfer-Encoding: base64\r\n"
		"Content-Disposition: attachment;\r\n"
		"\tfilename=\"%.*s.gz\"\r\n\r\n",
		SPAN_PRINT(mail->id), SPAN_PRINT(mail->domain),
		SPAN_PRINT(host), SPAN_PRINT(mail->id),
		SPAN_PRINT(mail->file));
	add_base64(out, mail->document);
	buffer_print(out, "--report-%.*s--\r\n", SPAN_PRINT(mail->id));
}

/* ---- into the spool ---- */

/* The same report makes the same id. */
static void
make_envelope(const struct tls_report_mail *mail, struct envelope *envelope,
	struct arena *arena)
{
	static const uint8_t keys[2][16] = { "posthouse tlsrpt",
		"tlsrpt posthouse" };
	char hex[2 * STORE_TRANSACTION_SIZE + 1];
	struct buffer text = { .data = hex, .room = sizeof(hex),
		.limit = sizeof(hex) };
	*envelope = (struct envelope){ .arrival = clock_wall(),
		.body = SPAN("7bit") };
	struct span cause = arena_print(arena, "%.*s %.*s",
		SPAN_PRINT(mail->domain), SPAN_PRINT(mail->id));
	for (size_t i = 0; i < 2; i++) {
		uint64_t hash = hash_siphash(keys[i], cause);
		memcpy(envelope->transaction + i * sizeof(hash), &hash,
			sizeof(hash));
	}
	buffer_add_hex(&text, span_of(envelope->transaction,
		STORE_TRANSACTION_SIZE));
	envelope->id = arena_print(arena, "tls%.*s", 13, hex);
	snprintf(envelope->scope.trace, sizeof(envelope->scope.trace), "%.*s",
		16, hex);
}

/* False: later. */
static bool
spool_report(struct queue *queue, const struct tls_report_mail *mail,
	struct arena *arena)
{
	const struct report_rules rules = queue_report_rules(queue);
	struct envelope envelope;
	struct mail_body body;
	struct buffer text;
	struct error error;
	make_envelope(mail, &envelope, arena);
	enum expand_verdict expanded = report_address(queue, mail->to,
		mail->to_count, arena, &envelope);
	if (expanded != EXPAND_OK)
		return expanded == EXPAND_UNKNOWN;	/* nobody is there */
	buffer_init(&text, 0);
	mail_body_init(&body, queue->server.spill);
	tls_report_compose(mail, rules.host, rules.domain,
		envelope.arrival / 1000, &text);
	enum spool_verdict verdict = SPOOL_TROUBLE;
	if (mail_body_add(&body, buffer_span(&text), &error) == 0)
		verdict = spool_add(&queue->spool, &envelope, &body, arena,
			NULL, &error);
	mail_body_fini(&body);
	buffer_fini(&text);
	bool ok = verdict == SPOOL_OK || verdict == SPOOL_DUPLICATE;
	log_event(ok ? LOG_INFO : LOG_ERROR, ok ? "tls-report-sent" :
		"tls-report-failed", &envelope.scope,
		LOG_SPAN("domain", mail->domain), LOG_SPAN("to", mail->to[0]),
		LOG_SPAN("id", mail->id),
		LOG_TEXT("error", ok ? "" : error.text));
	return ok;
}

/* ---- asking relay ---- */

static void
take_row(const struct tabline *fields, struct arena *arena,
	struct tls_report_mail *mail, struct buffer *document)
{
	struct span value, number;
	if (tabline_get(fields, 2, "body", &value)) {
		base64_decode(document, value);
		return;
	}
	tabline_get(fields, 2, "domain", &mail->domain);
	tabline_get(fields, 2, "id", &mail->id);
	tabline_get(fields, 2, "file", &mail->file);
	if (tabline_get(fields, 2, "begin", &number))
		span_to_number(number, INT64_MAX, &mail->begin);
	for (size_t i = 2; i < fields->count; i++)
		if (mail->to_count < TLS_REPORT_TO &&
		    tabline_value(fields->field[i], "to", &value))
			mail->to[mail->to_count++] = arena_copy(arena, value);
	mail->domain = arena_copy(arena, mail->domain);
	mail->id = arena_copy(arena, mail->id);
	mail->file = arena_copy(arena, mail->file);
}

/* Rows until OK; -1: something is wrong with the wire. */
static int
read_rows(struct wire *wire, struct arena *arena,
	struct tls_report_mail *mail, struct buffer *document,
	struct error *error)
{
	for (;;) {
		struct span line;
		struct tabline fields;
		if (tab_call_read(wire, &line, error) < 0)
			return -1;
		if (!tabline_parse(line, arena, &fields) || fields.count < 2 ||
		    document->size > TLS_REPORT_DOCUMENT)
			return error_set(error, ERROR_DAMAGED,
				"relay's answer makes no sense");
		if (span_equals(fields.field[0], SPAN("OK")))
			return 0;
		if (!span_equals(fields.field[0], SPAN("ROW")))
			return error_set(error, ERROR_LATER, "relay has none");
		take_row(&fields, arena, mail, document);
	}
}

static int
call(struct wire *wire, struct span request, struct arena *arena,
	struct tls_report_mail *mail, struct buffer *document,
	struct error *error)
{
	if (tab_call_send(wire, request, error) < 0)
		return -1;
	return read_rows(wire, arena, mail, document, error);
}

/* 1: one was sent; 0: there is none, or later; -1: the wire is of no use. */
static int
send_one(struct tls_report_post *post, struct wire *wire, struct arena *arena,
	struct error *error)
{
	struct tls_report_mail mail = { .to_count = 0 }, none;
	struct buffer document, request;
	buffer_init(&document, 0);
	buffer_init(&request, 0);
	int result = call(wire, SPAN("NEXT\t1\n"), arena, &mail, &document,
		error);
	mail.document = buffer_span(&document);
	if (result == 0 && mail.to_count > 0 &&
	    spool_report(post->queue, &mail, arena)) {
		tabline_add(&request, SPAN("DONE"));
		tabline_add(&request, SPAN("2"));
		tabline_add_pair(&request, "domain", mail.domain);
		tabline_add_pair(&request, "begin", arena_print(arena, "%llu",
			(unsigned long long)mail.begin));
		tabline_end(&request);
		buffer_clear(&document);
		result = call(wire, buffer_span(&request), arena, &none,
			&document, error) < 0 ? -1 : 1;
	}
	buffer_fini(&document);
	buffer_fini(&request);
	return result;
}

static void
look(struct tls_report_post *post)
{
	struct error error;
	int result = 1;
	struct wire *wire = wire_take(post->pool, clock_monotonic() +
		TLS_REPORT_WAIT, &error);
	for (int i = 0; i < AT_ONCE && wire != NULL && result > 0; i++) {
		struct arena arena;
		arena_init(&arena, 0);
		result = send_one(post, wire, &arena, &error);
		arena_fini(&arena);
	}
	if (wire != NULL && result >= 0) {
		wire_give(&wire);
		return;
	}
	wire_drop(&wire);
	log_event(LOG_DEBUG, "tls-reports-later", NULL,
		LOG_TEXT("error", error.text));
}

/* ---- the session ---- */

static enum session_next
post_run(struct session *session, enum session_event event)
{
	struct tls_report_post *post = (struct tls_report_post *)session;
	if (event == SESSION_STOP)
		return SESSION_CLOSE;
	if (event == SESSION_DEADLINE)
		look(post);
	session->deadline = clock_monotonic() + post->wait;
	return SESSION_PARK;
}

static void
post_free(struct session **session)
{
	*session = NULL;	/* it belongs to the queue */
}

static const struct session_type post_type = {
	.name = "tls-reports", .run = post_run, .free = post_free,
};

void
tls_report_start(struct tls_report_post *post, struct queue *queue,
	int64_t period)
{
	*post = (struct tls_report_post){ .queue = queue,
		.pool = wire_pool_new(queue->lot, "relay-reports", 0),
		.wait = period / 24 < TLS_REPORT_LOOK ? period / 24 + 1 :
		TLS_REPORT_LOOK };
	post->session = (struct session){ .type = &post_type, .fd = -1,
		.second_fd = -1, .deadline = INT64_MAX,
		.is_own_work = true };
	lot_add(queue->lot, &post->session);
}

void
tls_report_fini(struct tls_report_post *post)
{
	if (post->pool != NULL)
		wire_pool_free(&post->pool);
}
