/*
 * Bodies in chunks (RFC 9112 7.1). Extensions are passed over and the trailer is
 * thrown away, both within limits.
 */
#include "proto/http.h"
#include "proto/line.h"

/* *line: without CRLF; MORE, OK or the answer. */
static enum http_status
take_line(struct span *in, size_t limit, struct span *line)
{
	size_t consumed;
	switch (line_next(*in, limit, line, &consumed)) {
	case LINE_MORE:
		return HTTP_MORE;
	case LINE_OK:
		*in = span_skip(*in, consumed);
		return HTTP_OK;
	case LINE_TOO_LONG:
	case LINE_BARE_LF:
	case LINE_BARE_CR:
		break;
	}
	return HTTP_BAD_REQUEST;
}

static enum http_status
take_size(struct http_chunks *chunks, struct span *in)
{
	struct span line;
	enum http_status status = take_line(in, HTTP_CHUNK_LINE_LIMIT, &line);
	if (status != HTTP_OK)
		return status;
	/* Digits only: no blank, no sign, no 0x; 15 of them cannot overflow. */
	struct span digits = span_first(line, span_find(line, ';'));
	if (digits.size > 15 || !span_to_hex_number(digits, &chunks->left))
		return HTTP_BAD_REQUEST;
	chunks->place = chunks->left == 0 ? HTTP_CHUNK_TRAILER :
		HTTP_CHUNK_DATA;
	return HTTP_OK;
}

static enum http_status
take_data(struct http_chunks *chunks, struct span *in, struct buffer *body)
{
	struct span data = span_first(*in, chunks->left);
	if (body->limit != 0 && chunks->left > body->limit - body->size)
		return HTTP_CONTENT_TOO_LARGE;
	buffer_add(body, data);
	*in = span_skip(*in, data.size);
	chunks->left -= data.size;
	if (chunks->left > 0)
		return HTTP_MORE;
	chunks->place = HTTP_CHUNK_END;
	return HTTP_OK;
}

static enum http_status
take_end(struct http_chunks *chunks, struct span *in)
{
	if (in->size > 0 && in->data[0] != '\r')
		return HTTP_BAD_REQUEST;
	if (in->size < 2)
		return HTTP_MORE;
	if (in->data[1] != '\n')
		return HTTP_BAD_REQUEST;
	*in = span_skip(*in, 2);
	chunks->place = HTTP_CHUNK_SIZE;
	return HTTP_OK;
}

/* *is_over: behind its empty line. */
static enum http_status
take_trailer(struct http_chunks *chunks, struct span *in, bool *is_over)
{
	struct span line;
	enum http_status status = take_line(in, HTTP_TRAILER_LIMIT, &line);
	if (status != HTTP_OK)
		return status;
	*is_over = line.size == 0;
	chunks->trailer += line.size + 2;
	return chunks->trailer > HTTP_TRAILER_LIMIT ? HTTP_FIELDS_TOO_LARGE :
		HTTP_OK;
}

enum http_status
http_take_chunks(struct http_chunks *chunks, struct span in, size_t *consumed,
	struct buffer *body)
{
	struct span rest = in;
	enum http_status status = HTTP_OK;
	bool is_over = false;
	while (status == HTTP_OK && !is_over)
		switch (chunks->place) {
		case HTTP_CHUNK_SIZE:
			status = take_size(chunks, &rest);
			break;
		case HTTP_CHUNK_DATA:
			status = take_data(chunks, &rest, body);
			break;
		case HTTP_CHUNK_END:
			status = take_end(chunks, &rest);
			break;
		case HTTP_CHUNK_TRAILER:
			status = take_trailer(chunks, &rest, &is_over);
			break;
		}
	*consumed = in.size - rest.size;
	return status;
}
