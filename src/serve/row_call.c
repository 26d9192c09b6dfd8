#include "serve/row_call.h"

#include <stdatomic.h>

#include "base/memory.h"
#include "serve/tab_call.h"

struct row_caller {
	struct wire_pool *pool;
	const char *service;
	atomic_uint last_id;
};

struct row_caller *
row_caller_new(struct lot *lot, const char *service)
{
	struct row_caller *caller = memory_new(sizeof(*caller));
	caller->pool = wire_pool_new(lot, service, 0);
	caller->service = service;
	return caller;
}

void
row_caller_free(struct row_caller **caller)
{
	if (*caller == NULL)
		return;
	wire_pool_free(&(*caller)->pool);
	memory_free(*caller);
	*caller = NULL;
}

static int
send_request(struct wire *wire, unsigned id, const struct row_request *request,
	struct error *error)
{
	struct buffer line;
	buffer_init(&line, 0);
	buffer_print(&line, "%s\t%u", request->command, id);
	if (request->fields.size > 0)
		buffer_add_byte(&line, '\t');
	buffer_add(&line, request->fields);
	tabline_end(&line);
	int result = tab_call_send(wire, buffer_span(&line), error);
	buffer_fini(&line);
	return result;
}

/* What a line is: more will come, or that was all, well or not. */
enum line { LINE_ROW, LINE_OK, LINE_FAIL, LINE_BAD };

static enum line
take_line(const struct row_request *request, struct span text, unsigned id,
	struct arena *arena, struct error *error)
{
	struct tabline fields;
	struct span reason = SPAN("no reason was given");
	uint64_t number;
	if (!tabline_parse(text, arena, &fields) || fields.count < 2 ||
	    !span_to_number(fields.field[1], UINT32_MAX, &number) ||
	    number != id)
		return LINE_BAD;
	if (span_equals(fields.field[0], SPAN("ROW"))) {
		if (request->row != NULL)
			request->row(request->context, &fields);
		return LINE_ROW;
	}
	if (span_equals(fields.field[0], SPAN("OK"))) {
		if (request->done != NULL)
			request->done(request->context, &fields);
		return LINE_OK;
	}
	if (!span_equals(fields.field[0], SPAN("FAIL")))
		return LINE_BAD;
	tabline_get(&fields, 2, "reason", &reason);
	error_set(error, ERROR_REFUSED, "%.*s", SPAN_PRINT(reason));
	return LINE_FAIL;
}

static enum line
read_answer(struct wire *wire, const struct row_request *request, unsigned id,
	const char *service, struct error *error)
{
	enum line line = LINE_ROW;
	for (unsigned i = 0; i < ROW_CALL_ROWS && line == LINE_ROW; i++) {
		struct arena arena;
		struct span text;
		if (tab_call_read(wire, &text, error) < 0)
			return LINE_BAD;
		arena_init(&arena, 0);
		line = take_line(request, text, id, &arena, error);
		arena_fini(&arena);
	}
	if (line == LINE_ROW || line == LINE_BAD) {
		error_set(error, ERROR_DAMAGED, "%s answers with something "
			"else", service);
		return LINE_BAD;
	}
	return line;
}

int
row_call(struct row_caller *caller, const struct row_request *request,
	struct error *error)
{
	unsigned id = atomic_fetch_add(&caller->last_id, 1) + 1;
	struct wire *wire = wire_take(caller->pool, request->deadline, error);
	if (wire == NULL)
		return -1;
	enum line line = LINE_BAD;
	if (send_request(wire, id, request, error) == 0)
		line = read_answer(wire, request, id, caller->service, error);
	if (line == LINE_BAD)
		wire_drop(&wire);
	else
		wire_give(&wire);
	return line == LINE_OK ? 0 : -1;
}
