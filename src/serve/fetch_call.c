/*
 * One request line, then rows: one with status and type, any number with
 * pieces of the body, OK; or one with the problem, and FAIL with a sentence.
 * What comes back is strangers' bytes in base64; its size is ours to bound.
 */
#include "serve/fetch_call.h"

#include <stdatomic.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/memory.h"
#include "serve/tab_call.h"

enum { DEADLINE_SLACK = 2000 };		/* fetch ends at the deadline itself */

struct fetcher {
	struct wire_pool *pool;
	atomic_uint last_id;
};

static const char *const problem_names[FETCH_PROBLEMS] = {
	[FETCH_DONE] = "done",
	[FETCH_BAD_URL] = "bad-url",
	[FETCH_NO_NAME] = "no-name",
	[FETCH_NAMES] = "names",
	[FETCH_CONNECT] = "connect",
	[FETCH_CERTIFICATE] = "certificate",
	[FETCH_TIMEOUT] = "timeout",
	[FETCH_TOO_LARGE] = "too-large",
	[FETCH_PROTOCOL] = "protocol",
};

const char *
fetch_problem_name(enum fetch_problem problem)
{
	return problem_names[problem];
}

struct fetcher *
fetcher_new(struct lot *lot)
{
	struct fetcher *fetcher = memory_new(sizeof(*fetcher));
	fetcher->pool = wire_pool_new(lot, "fetch-https", 0);
	return fetcher;
}

void
fetcher_free(struct fetcher **fetcher)
{
	if (*fetcher == NULL)
		return;
	wire_pool_free(&(*fetcher)->pool);
	memory_free(*fetcher);
	*fetcher = NULL;
}

/* ---- out ---- */

/* "headers=Location,Link" */
static void
add_headers(struct buffer *line, const struct fetch_request *request)
{
	struct buffer text;
	buffer_init(&text, 0);
	for (size_t i = 0; i < FETCH_HEADERS && request->header[i] != NULL; i++)
		buffer_print(&text, "%s%s", i == 0 ? "" : ",",
			request->header[i]);
	if (text.size > 0)
		tabline_add_pair(line, "headers", buffer_span(&text));
	buffer_fini(&text);
}

static int
send_request(struct wire *wire, const char *method, unsigned id,
	const struct fetch_request *request, struct error *error)
{
	struct buffer line, body;
	buffer_init(&line, 0);
	buffer_init(&body, 0);
	buffer_print(&line, "%s\t%u", method, id);
	tabline_add_pair(&line, "url", request->url);
	tabline_add_number(&line, "limit", request->limit);
	tabline_add_number(&line, "deadline",
		(uint64_t)clock_until(request->deadline));
	add_headers(&line, request);
	if (request->type.size > 0) {
		base64_encode(&body, request->body);
		tabline_add_pair(&line, "type", request->type);
		tabline_add_pair(&line, "body", buffer_span(&body));
	}
	tabline_end(&line);
	int result = tab_call_send(wire, buffer_span(&line), error);
	buffer_fini(&line);
	buffer_fini(&body);
	return result;
}

/* ---- in ---- */

/* What has been read so far. */
struct reading {
	const struct fetch_request *request;
	struct arena *arena;
	struct fetch_answer *answer;
	struct buffer body;
	size_t limit;
};

static bool
take_problem(struct reading *reading, struct span word)
{
	for (size_t i = FETCH_DONE + 1; i < FETCH_PROBLEMS; i++)
		if (span_equals(word, span_from(problem_names[i]))) {
			reading->answer->problem = (enum fetch_problem)i;
			return true;
		}
	return false;
}

/* Of a field that was asked for. */
static bool
take_header(struct reading *reading, struct span name,
	const struct tabline *fields)
{
	struct span value;
	if (!tabline_get(fields, 2, "value", &value) ||
	    value.size > FETCH_HEADER_LIMIT)
		return false;
	for (size_t i = 0; i < FETCH_HEADERS; i++)
		if (reading->request->header[i] != NULL && span_equals(name,
		    span_from(reading->request->header[i]))) {
			reading->answer->header[i] =
				arena_copy(reading->arena, value);
			return true;
		}
	return false;
}

static bool
take_row(struct reading *reading, const struct tabline *fields)
{
	struct span value;
	uint64_t status;
	if (tabline_get(fields, 2, "body", &value))
		return base64_decode(&reading->body, value) &&
			reading->body.size <= reading->limit;
	if (tabline_get(fields, 2, "problem", &value))
		return take_problem(reading, value);
	if (tabline_get(fields, 2, "header", &value))
		return take_header(reading, value, fields);
	if (!tabline_get(fields, 2, "status", &value) ||
	    !span_to_number(value, 999, &status))
		return false;
	reading->answer->status = (unsigned)status;
	if (tabline_get(fields, 2, "type", &value))
		reading->answer->type = arena_copy(reading->arena, value);
	return true;
}

enum line_verdict { LINE_ROW, LINE_END, LINE_BAD };

static enum line_verdict
take_line(struct reading *reading, struct span line, unsigned id)
{
	struct tabline fields;
	struct span value;
	uint64_t number;
	if (!tabline_parse(line, reading->arena, &fields) ||
	    fields.count < 2 || !span_to_number(fields.field[1], UINT32_MAX,
	    &number) || number != id)
		return LINE_BAD;
	if (span_equals(fields.field[0], SPAN("ROW")))
		return take_row(reading, &fields) ? LINE_ROW : LINE_BAD;
	if (span_equals(fields.field[0], SPAN("OK")))
		return reading->answer->status != 0 ? LINE_END : LINE_BAD;
	if (!span_equals(fields.field[0], SPAN("FAIL")) ||
	    !tabline_get(&fields, 2, "reason", &value) ||
	    reading->answer->problem == FETCH_DONE)
		return LINE_BAD;
	reading->answer->reason = arena_copy(reading->arena, value);
	return LINE_END;
}

static int
read_answer(struct wire *wire, unsigned id, struct reading *reading,
	struct error *error)
{
	enum line_verdict verdict = LINE_ROW;
	struct span line;
	while (verdict == LINE_ROW) {
		if (tab_call_read(wire, &line, error) < 0)
			return -1;
		verdict = take_line(reading, line, id);
	}
	if (verdict == LINE_BAD)
		return error_set(error, ERROR_DAMAGED,
			"fetch answers with something else");
	reading->answer->body = arena_copy(reading->arena,
		buffer_span(&reading->body));
	return 0;
}

static int
call(struct fetcher *fetcher, const char *method,
	const struct fetch_request *request, struct reading *reading,
	struct error *error)
{
	int64_t deadline = request->deadline + DEADLINE_SLACK;
	unsigned id = atomic_fetch_add(&fetcher->last_id, 1) + 1;
	struct wire *wire = wire_take(fetcher->pool, request->deadline, error);
	if (wire == NULL)
		return -1;
	wire->stream.deadline = deadline;
	if (send_request(wire, method, id, request, error) < 0 ||
	    read_answer(wire, id, reading, error) < 0) {
		wire_drop(&wire);
		return -1;
	}
	wire_give(&wire);
	return 0;
}

static int
ask(struct fetcher *fetcher, const char *method,
	const struct fetch_request *request, struct arena *arena,
	struct fetch_answer *answer, struct error *error)
{
	struct reading reading = { .request = request, .arena = arena,
		.answer = answer, .limit = request->limit };
	*answer = (struct fetch_answer){ 0 };
	if (request->url.size > FETCH_URL_LIMIT ||
	    request->body.size > FETCH_POST_LIMIT ||
	    request->limit > FETCH_BODY_LIMIT)
		return error_set(error, ERROR_USAGE,
			"what is to be fetched is beyond a limit");
	buffer_init(&reading.body, 0);
	int result = call(fetcher, method, request, &reading, error);
	buffer_fini(&reading.body);
	return result;
}

int
fetch_head(struct fetcher *fetcher, const struct fetch_request *request,
	struct arena *arena, struct fetch_answer *answer, struct error *error)
{
	struct fetch_request head = *request;
	head.type = head.body = (struct span){ NULL, 0 };
	return ask(fetcher, "HEAD", &head, arena, answer, error);
}

int
fetch_get(struct fetcher *fetcher, const struct fetch_request *request,
	struct arena *arena, struct fetch_answer *answer, struct error *error)
{
	struct fetch_request get = *request;
	get.type = get.body = (struct span){ NULL, 0 };
	return ask(fetcher, "GET", &get, arena, answer, error);
}

int
fetch_post(struct fetcher *fetcher, const struct fetch_request *request,
	struct arena *arena, struct fetch_answer *answer, struct error *error)
{
	return ask(fetcher, "POST", request, arena, answer, error);
}
