/*
 * Requests on wires with tabs. Runs in queue and mailbox.
 */
#include "serve/tab_call.h"

int
tab_call_send(struct wire *wire, struct span lines, struct error *error)
{
	if (wire->is_new)
		stream_add(&wire->stream, SPAN("VERSION\t1\t2\n"));
	stream_add(&wire->stream, lines);
	return stream_send(&wire->stream, error);
}

int
tab_call_read(struct wire *wire, struct span *line, struct error *error)
{
	for (;;) {
		if (stream_read_line(&wire->stream, TABLINE_LIMIT, line,
			error) < 0)
			return -1;
		if (!span_starts(*line, SPAN("VERSION\t")))
			return 0;
		if (!span_starts(*line, SPAN("VERSION\t1\t")))
			return error_set(error, ERROR_DAMAGED,
				"the other end speaks %.*s, not version 1",
				SPAN_PRINT(span_first(*line, 40)));
	}
}
