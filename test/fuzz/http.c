/*
 * Requests: heads whole and as they grow, then a body in chunks, in one piece
 * and in two. The first byte chooses the split.
 */
#include <assert.h>

#include "fuzz.h"
#include "proto/http.h"

enum { BODY_LIMIT = 4096 };

/* What was read lies in the head that was given. */
static void
check(const struct http_request *request, struct span head)
{
	const struct span spans[] = { request->path, request->query,
		request->host };
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++)
		assert(spans[i].size == 0 || (spans[i].data >= head.data &&
			spans[i].data + spans[i].size <=
			head.data + head.size));
	assert(request->path.size > 0 && request->path.data[0] == '/');
	assert(!request->is_chunked || request->length == 0);
	for (size_t i = 0; i < request->field_count; i++)
		assert(request->field[i].name.size > 0 &&
			span_find(request->field[i].value, '\n') ==
			request->field[i].value.size);
}

/* The same verdict when it comes octet by octet, and never an earlier one that
 * is good. */
static void
read_growing(struct span in, enum http_status whole, size_t whole_size)
{
	struct http_request request;
	size_t consumed, step = in.size / 64 + 1;
	for (size_t size = 0; size < in.size; size += step) {
		enum http_status status = http_read_head(span_first(in, size),
			&request, &consumed);
		if (status == HTTP_OK)
			assert(whole == HTTP_OK && consumed == whole_size);
		else if (status != HTTP_MORE)
			assert(whole != HTTP_OK && whole != HTTP_MORE);
	}
}

static enum http_status
take(struct span in, size_t split, struct buffer *body, size_t *taken)
{
	struct http_chunks chunks = { .place = HTTP_CHUNK_SIZE };
	size_t first = 0, second = 0;
	enum http_status status = http_take_chunks(&chunks,
		span_first(in, split), &first, body);
	assert(first <= split);
	if (status == HTTP_MORE)
		status = http_take_chunks(&chunks, span_skip(in, first),
			&second, body);
	*taken = first + second;
	assert(*taken <= in.size && body->size <= BODY_LIMIT);
	return status;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_request request;
	struct buffer one, two;
	size_t consumed, once, twice;
	if (size < 1)
		return 0;
	size_t split = data[0];
	struct span in = span_of(data + 1, size - 1);
	enum http_status status = http_read_head(in, &request, &consumed);
	read_growing(in, status, consumed);
	if (status == HTTP_OK) {
		check(&request, span_first(in, consumed));
		in = span_skip(in, consumed);
	}
	if (split > in.size)
		split = in.size;
	buffer_init(&one, BODY_LIMIT);
	buffer_init(&two, BODY_LIMIT);
	status = take(in, in.size, &one, &once);
	assert(status == take(in, split, &two, &twice));
	assert(span_equals(buffer_span(&one), buffer_span(&two)));
	assert(status >= 400 || once == twice);
	buffer_fini(&one);
	buffer_fini(&two);
	return 0;
}
