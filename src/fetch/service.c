/*
 * GET, HEAD and POST of the wire fetch-https (ARCHITECTURE.md 2.8). Whoever asks is
 * one of ours, but asks for what strangers wrote: all of it is bounded here.
 */
#include "fetch/service.h"

#include "base/base64.h"
#include "base/clock.h"
#include "base/log.h"
#include "fetch/fetch.h"
#include "serve/admin.h"
#include "serve/counter.h"

enum {
	PATIENCE_LIMIT = 300000,	/* ms of one transfer */
	PIECE = 30000,			/* bytes of a body in one row */
	TYPE_LIMIT = 200,
};

static bool
need_number(struct admin_call *call, const char *key, uint64_t max,
	uint64_t *number)
{
	struct span value;
	if (!admin_need(call, key, &value))
		return false;
	if (span_to_number(value, max, number))
		return true;
	admin_fail(call, "%s= is not a number up to %llu", key,
		(unsigned long long)max);
	return false;
}

/* "headers=A,B": names (RFC 9110 5.6.2) that are letters and hyphens here. */
static bool
read_headers(struct admin_call *call, struct fetch_request *request)
{
	struct span list, name;
	size_t count = 0;
	if (!tabline_get(call->fields, 2, "headers", &list))
		return true;
	while (span_split(&list, ',', &name)) {
		bool ok = name.size > 0 && count < FETCH_HEADERS;
		for (size_t i = 0; i < name.size; i++) {
			char c = span_lower_byte(name.data[i]);
			ok = ok && ((c >= 'a' && c <= 'z') || c == '-');
		}
		if (!ok) {
			admin_fail(call, "headers= is not right");
			return false;
		}
		request->header[count++] = arena_copy_string(call->arena, name);
	}
	return true;
}

static bool
read_request(struct admin_call *call, struct fetch_request *request)
{
	uint64_t limit, patience;
	if (!admin_need(call, "url", &request->url) ||
	    !need_number(call, "limit", FETCH_BODY_LIMIT, &limit) ||
	    !need_number(call, "deadline", INT32_MAX, &patience))
		return false;
	if (request->url.size > FETCH_URL_LIMIT) {
		admin_fail(call, "url= is too long");
		return false;
	}
	if (!read_headers(call, request))
		return false;
	request->limit = (size_t)limit;
	request->deadline = clock_monotonic() + (int64_t)(patience >
		PATIENCE_LIMIT ? PATIENCE_LIMIT : patience);
	return true;
}

/* A header line is made of it: visible ASCII and blanks. */
static bool
is_media_type(struct span type)
{
	for (size_t i = 0; i < type.size; i++)
		if (type.data[i] < ' ' || type.data[i] > '~')
			return false;
	return type.size <= TYPE_LIMIT;
}

static bool
read_post(struct admin_call *call, struct fetch_request *request)
{
	struct span text;
	struct buffer body;
	if (!admin_need(call, "type", &request->type))
		return false;
	if (!tabline_get(call->fields, 2, "body", &text) ||
	    !is_media_type(request->type)) {
		admin_fail(call, "body= or type= is not right");
		return false;
	}
	buffer_init(&body, FETCH_POST_LIMIT);
	bool ok = base64_decode(&body, text) && !buffer_is_overrun(&body);
	request->body = arena_copy(call->arena, buffer_span(&body));
	buffer_fini(&body);
	if (!ok)
		admin_fail(call, "body= is no base64, or too large");
	return ok;
}

static void
log_answer(const struct fetch_request *request,
	const struct fetch_answer *answer)
{
	counter_add(answer->problem == FETCH_DONE ? COUNTER_FETCHES :
		COUNTER_FETCH_FAILURES, 1);
	if (answer->problem == FETCH_DONE)
		log_event(LOG_INFO, "fetched", NULL,
			LOG_SPAN("url", request->url),
			LOG_NUMBER("status", answer->status),
			LOG_NUMBER("size", answer->body.size));
	else
		log_event(LOG_INFO, "fetch-failed", NULL,
			LOG_SPAN("url", request->url),
			LOG_TEXT("problem",
				fetch_problem_name(answer->problem)),
			LOG_SPAN("reason", answer->reason));
}

static void
say_body(struct admin_call *call, struct span body)
{
	struct buffer text;
	buffer_init(&text, 0);
	while (body.size > 0) {
		buffer_clear(&text);
		base64_encode(&text, span_first(body, PIECE));
		body = span_skip(body, PIECE);
		admin_row_begin(call);
		admin_row_field(call, "body", buffer_span(&text));
		if (!admin_row_end(call))
			break;
	}
	buffer_fini(&text);
}

static void
say_headers(struct admin_call *call, const struct fetch_request *request,
	const struct fetch_answer *answer)
{
	for (size_t i = 0; i < FETCH_HEADERS; i++) {
		if (answer->header[i].data == NULL)
			continue;
		admin_row_begin(call);
		admin_row_field(call, "header", span_from(request->header[i]));
		admin_row_field(call, "value", answer->header[i]);
		admin_row_end(call);
	}
}

static void
say(struct admin_call *call, const struct fetch_request *request,
	const struct fetch_answer *answer)
{
	admin_row_begin(call);
	if (answer->problem != FETCH_DONE) {
		admin_row_field(call, "problem",
			span_from(fetch_problem_name(answer->problem)));
		admin_row_end(call);
		admin_fail(call, "%.*s", SPAN_PRINT(answer->reason));
		return;
	}
	admin_row_number(call, "status", answer->status);
	admin_row_field(call, "type", answer->type);
	admin_row_end(call);
	say_headers(call, request, answer);
	say_body(call, answer->body);
	admin_ok(call);
}

static void
transfer(struct admin_call *call, const char *method,
	const struct fetch_request *request)
{
	struct fetch_answer answer;
	fetch_transfer(method, request, call->arena, &answer);
	log_answer(request, &answer);
	say(call, request, &answer);
}

static void
get(struct admin_call *call)
{
	struct fetch_request request = { 0 };
	if (read_request(call, &request))
		transfer(call, "GET", &request);
}

static void
head(struct admin_call *call)
{
	struct fetch_request request = { 0 };
	if (read_request(call, &request))
		transfer(call, "HEAD", &request);
}

static void
post(struct admin_call *call)
{
	struct fetch_request request = { 0 };
	if (read_request(call, &request) && read_post(call, &request))
		transfer(call, "POST", &request);
}

static const struct admin_command commands[] = {
	{ "GET", get },
	{ "HEAD", head },
	{ "POST", post },
	{ NULL, NULL },
};

static const struct admin_server server = { .commands = commands };

void
service_accept(struct lot *lot, struct incoming *incoming)
{
	admin_accept(lot, incoming, &server);
}
