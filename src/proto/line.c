/*
 * Lines off a wire. Only CRLF ends a line properly (RFC 5321 2.3.8, RFC 9051
 * 2.2); what else was found is told to the caller, who knows his protocol.
 */
#include "proto/line.h"

/*
 * Of a line that is too long everything goes but its end, so that the calls
 * that follow find that end as a short line.
 */
static size_t
disposable_size(struct span in)
{
	size_t end = span_find(in, '\n');
	if (end > 0 && in.data[end - 1] == '\r')
		end--;
	return end;
}

enum line_verdict
line_next(struct span in, size_t limit, struct span *line, size_t *consumed)
{
	size_t window = limit > SIZE_MAX - 2 ? limit : limit + 2;
	size_t end = span_find(span_first(in, window), '\n');
	*line = span_first(in, 0);
	*consumed = 0;
	if (end == in.size) {
		/* A CR at the end may still be half of the CRLF. */
		size_t known = end > 0 && in.data[end - 1] == '\r' ?
			end - 1 : end;
		if (known <= limit)
			return LINE_MORE;
		*consumed = known;
		return LINE_TOO_LONG;
	}
	bool is_crlf = end > 0 && in.data[end - 1] == '\r';
	size_t size = is_crlf ? end - 1 : end;
	if (size > limit) {
		*consumed = disposable_size(in);
		return LINE_TOO_LONG;
	}
	*line = span_first(in, size);
	*consumed = end + 1;
	if (span_find(*line, '\r') < size)
		return LINE_BARE_CR;
	return is_crlf ? LINE_OK : LINE_BARE_LF;
}
