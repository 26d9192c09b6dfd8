#include "fetch/header.h"

static bool
is_visible(struct span value)
{
	for (size_t i = 0; i < value.size; i++)
		if (value.data[i] < ' ' || value.data[i] > '~')
			return false;
	return value.size <= FETCH_HEADER_LIMIT;
}

void
header_take(const struct fetch_request *request, struct arena *arena,
	struct span line, struct fetch_answer *answer)
{
	if (span_starts(line, SPAN("HTTP/")))
		for (size_t i = 0; i < FETCH_HEADERS; i++)
			answer->header[i] = (struct span){ NULL, 0 };
	size_t colon = span_find(line, ':');
	struct span value = span_trim(span_skip(line, colon + 1));
	for (size_t i = 0; i < FETCH_HEADERS; i++)
		if (request->header[i] != NULL && colon < line.size &&
		    answer->header[i].data == NULL && is_visible(value) &&
		    span_equals_nocase(span_first(line, colon),
		    span_from(request->header[i])))
			answer->header[i] = arena_copy(arena, value);
}
