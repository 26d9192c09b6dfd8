/*
 * Reports that are due: where the domain wants them is asked for, they are
 * posted, and those that go by mail are given to the queue, which says when it
 * has them (wire relay-reports). Until then they are given again.
 */
#include <zlib.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/log.h"
#include "relay/tls_report_inner.h"

enum {
	NEXT_TIME = 20000,		/* ms after which no other domain is begun */
	PIECE = 30000,			/* bytes of a document in one row */
	DOCUMENT_LIMIT = 1 << 20,	/* as JSON */
};

/* A report that is being looked at. */
struct offer {
	struct tls_reports *reports;
	struct arena *arena;
	int64_t now;			/* wall ms */
	struct tlsrpt_due due;
	struct tlsrpt_record record;
	struct tlsrpt_report report;
	struct buffer document;		/* gzip */
};

static void
mark(struct offer *offer, enum tlsrpt_mark which, uint64_t value)
{
	struct tls_reports *reports = offer->reports;
	offer->due.mark[which] = value;
	pthread_mutex_lock(&reports->lock);
	tlsrpt_counts_mark(&reports->counts, &offer->due, which, value);
	reports->is_changed = true;
	pthread_mutex_unlock(&reports->lock);
}

static void
drop(struct tls_reports *reports, const struct tlsrpt_due *due)
{
	pthread_mutex_lock(&reports->lock);
	tlsrpt_counts_drop(&reports->counts, due);
	reports->is_changed = true;
	pthread_mutex_unlock(&reports->lock);
}

/* Not before a twenty-fourth of a period (an hour) is over. */
static void
later(struct offer *offer)
{
	int64_t wait = offer->reports->counts.period / 24;
	mark(offer, TLSRPT_RETRY, (uint64_t)(offer->now + wait));
}

/* ---- the document ---- */

static bool
compress_into(struct span text, struct buffer *out)
{
	z_stream stream = { .next_in = (Bytef *)text.data,
		.avail_in = (uInt)text.size };
	/* 16: with the header and trailer of gzip */
	if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
	    Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	size_t room = deflateBound(&stream, text.size);
	bool ok = buffer_reserve(out, room);
	if (ok) {
		stream.next_out = (Bytef *)out->data + out->size;
		stream.avail_out = (uInt)room;
		ok = deflate(&stream, Z_FINISH) == Z_STREAM_END;
		out->size += ok ? stream.total_out : 0;
	}
	deflateEnd(&stream);
	return ok;
}

static bool
write_document(struct offer *offer)
{
	struct tls_reports *reports = offer->reports;
	struct buffer text;
	buffer_init(&text, 0);
	pthread_mutex_lock(&reports->lock);
	offer->report.organization = reports->rules.organization;
	offer->report.contact = reports->rules.contact;
	tlsrpt_counts_report(&reports->counts, &offer->due, offer->arena,
		&offer->report);
	tlsrpt_report_write(&offer->report, &text);
	pthread_mutex_unlock(&reports->lock);
	bool ok = text.size <= DOCUMENT_LIMIT &&
		compress_into(buffer_span(&text), &offer->document);
	buffer_fini(&text);
	return ok;
}

/* ---- where it goes ---- */

enum wanted { WANTED, NOT_WANTED, NOBODY_KNOWS };

static enum wanted
find_record(struct offer *offer)
{
	const struct tls_report_world *world = &offer->reports->world;
	struct names_answer answer = { .verdict = NAMES_LATER };
	world->ask(world->names, offer->arena, tlsrpt_question(offer->arena,
		offer->due.domain), NAMES_TXT, clock_monotonic() +
		TLS_REPORT_NAMES_WAIT, &answer);
	if (answer.verdict == NAMES_LATER)
		return NOBODY_KNOWS;
	if (answer.verdict != NAMES_FOUND)
		return NOT_WANTED;
	struct span *txt = arena_new_array(offer->arena, answer.count,
		sizeof(*txt));
	for (size_t i = 0; i < answer.count; i++)
		txt[i] = answer.record[i].txt;
	return tlsrpt_find_record(txt, answer.count, &offer->record) ? WANTED :
		NOT_WANTED;
}

static void
log_posted(const struct offer *offer, struct span url, const char *event,
	struct span reason)
{
	log_event(LOG_INFO, event, NULL,
		LOG_SPAN("domain", offer->due.domain), LOG_SPAN("to", url),
		LOG_SPAN("id", offer->report.id), LOG_SPAN("reason", reason));
}

/* RFC 8460 5.4: any 2xx is yes. */
static bool
post_to(struct offer *offer, struct span url)
{
	const struct tls_report_world *world = &offer->reports->world;
	const struct fetch_request request = { .url = url, .limit = 4096,
		.deadline = clock_monotonic() + TLS_REPORT_POST_WAIT,
		.type = SPAN("application/tlsrpt+gzip"),
		.body = buffer_span(&offer->document) };
	struct fetch_answer answer = { .problem = FETCH_PROTOCOL };
	struct error error;
	if (request.body.size > FETCH_POST_LIMIT) {
		log_posted(offer, url, "tls-report-not-posted",
			SPAN("it is too large"));
		return true;
	}
	if (world->post(world->fetcher, &request, offer->arena, &answer,
	    &error) < 0) {
		log_posted(offer, url, "tls-report-not-posted",
			span_from(error.text));
		return false;
	}
	bool ok = answer.problem == FETCH_DONE && answer.status / 100 == 2;
	log_posted(offer, url, ok ? "tls-report-posted" :
		"tls-report-not-posted", ok ? SPAN("") : answer.problem ==
		FETCH_DONE ? SPAN("it was refused") : answer.reason);
	return ok;
}

static void
post_all(struct offer *offer)
{
	bool ok = true;
	for (size_t i = 0; i < offer->record.count; i++) {
		struct span url = offer->record.address[i];
		if (span_starts_nocase(url, SPAN("https:")))
			ok = post_to(offer, url) && ok;
	}
	if (ok)
		mark(offer, TLSRPT_POSTED, 1);
}

/* ---- NEXT ---- */

static size_t
find_mailboxes(struct offer *offer, struct span *mailbox)
{
	size_t count = 0;
	for (size_t i = 0; i < offer->record.count; i++)
		if (tlsrpt_mailbox(offer->record.address[i], offer->arena,
		    &mailbox[count]))
			count++;
	return count;
}

static void
answer(struct offer *offer, struct admin_call *call,
	const struct span *mailbox, size_t count)
{
	struct span rest = buffer_span(&offer->document);
	struct buffer text;
	admin_row_begin(call);
	admin_row_field(call, "domain", offer->due.domain);
	admin_row_field(call, "id", offer->report.id);
	admin_row_number(call, "begin", (uint64_t)offer->due.begin);
	admin_row_field(call, "file", tlsrpt_report_file(&offer->report,
		offer->report.organization, offer->due.domain, offer->arena));
	for (size_t i = 0; i < count; i++)
		admin_row_field(call, "to", mailbox[i]);
	admin_row_end(call);
	buffer_init(&text, 0);
	while (rest.size > 0) {
		buffer_clear(&text);
		base64_encode(&text, span_first(rest, PIECE));
		rest = span_skip(rest, PIECE);
		admin_row_begin(call);
		admin_row_field(call, "body", buffer_span(&text));
		admin_row_end(call);
	}
	buffer_fini(&text);
}

/* True when the request was answered with this one. */
static bool
deal_with(struct offer *offer, struct admin_call *call)
{
	struct span mailbox[TLSRPT_ADDRESSES];
	enum wanted wanted = find_record(offer);
	size_t count = 0;
	later(offer);
	if (wanted == NOBODY_KNOWS)
		return false;
	if (wanted == NOT_WANTED || !write_document(offer)) {
		drop(offer->reports, &offer->due);
		return false;
	}
	if (offer->due.mark[TLSRPT_POSTED] == 0)
		post_all(offer);
	if (offer->due.mark[TLSRPT_MAILED] == 0) {
		count = find_mailboxes(offer, mailbox);
		if (count == 0)
			mark(offer, TLSRPT_MAILED, 1);
	}
	if (offer->due.mark[TLSRPT_POSTED] != 0 &&
	    offer->due.mark[TLSRPT_MAILED] != 0)
		drop(offer->reports, &offer->due);
	if (count > 0)
		answer(offer, call, mailbox, count);
	return count > 0;
}

static bool
take_due(struct offer *offer)
{
	struct tls_reports *reports = offer->reports;
	pthread_mutex_lock(&reports->lock);
	bool found = tlsrpt_counts_due(&reports->counts, offer->now,
		offer->arena, &offer->due);
	pthread_mutex_unlock(&reports->lock);
	return found;
}

static void
next(struct admin_call *call)
{
	bool is_answered = call->context == NULL;	/* none are made */
	int64_t until = clock_monotonic() + NEXT_TIME;
	while (!is_answered && clock_monotonic() < until) {
		struct arena arena;
		arena_init(&arena, 0);
		struct offer offer = { .reports = call->context,
			.arena = &arena, .now = clock_wall() };
		buffer_init(&offer.document, 0);
		bool found = take_due(&offer);
		is_answered = !found || deal_with(&offer, call);
		buffer_fini(&offer.document);
		arena_fini(&arena);
	}
	if (call->context != NULL)
		tls_reports_save(call->context, 0);
}

/* ---- DONE ---- */

static void
done(struct admin_call *call)
{
	struct tls_reports *reports = call->context;
	struct tlsrpt_due due = { .begin = 0 };
	struct span begin;
	uint64_t number;
	if (reports == NULL || !admin_need(call, "domain", &due.domain) ||
	    !admin_need(call, "begin", &begin))
		return;
	if (!span_to_number(begin, INT64_MAX / 2, &number)) {
		admin_fail(call, "begin= is not a time");
		return;
	}
	due.begin = (int64_t)number;
	pthread_mutex_lock(&reports->lock);
	tlsrpt_counts_mailed(&reports->counts, &due);
	reports->is_changed = true;
	pthread_mutex_unlock(&reports->lock);
	tls_reports_save(reports, 0);
}

const struct admin_command tls_report_commands[] = {
	{ "NEXT", next },
	{ "DONE", done },
	{ NULL, NULL },
};
