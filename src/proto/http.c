/*
 * Heads of requests (RFC 9112 2 to 6, RFC 9110 5 and 7), strictly.
 */
#include "proto/http.h"

#include <string.h>

/* tchar of RFC 9110 5.6.2 */
static bool
is_token_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		(c >= 'A' && c <= 'Z') ||
		(c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
is_token(struct span s)
{
	for (size_t i = 0; i < s.size; i++)
		if (!is_token_byte(s.data[i]))
			return false;
	return s.size > 0;
}

/* RFC 9110 5.5: visible octets, blanks, and those above ASCII. */
static bool
is_field_value(struct span s)
{
	for (size_t i = 0; i < s.size; i++) {
		unsigned char c = (unsigned char)s.data[i];
		if ((c < ' ' && c != '\t') || c == 127)
			return false;
	}
	return true;
}

/* The next line without its CRLF; false when a CR or LF stands by itself. */
static bool
cut_line(struct span *rest, struct span *line)
{
	size_t size = span_find(*rest, '\n');
	if (size == rest->size || size == 0 || rest->data[size - 1] != '\r')
		return false;
	*line = span_first(*rest, size - 1);
	*rest = span_skip(*rest, size + 1);
	return span_find(*line, '\r') == line->size;
}

/* ---- host ---- */

static bool
is_host_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		(c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_';
}

/* uri-host [":" port] (RFC 9110 7.2): a name, an address, or one in brackets. */
static bool
read_host(struct span text, struct span *host)
{
	size_t size = 0;
	uint64_t port;
	if (text.size > 0 && text.data[0] == '[') {
		size = span_find(text, ']');
		if (size == text.size)
			return false;
		size++;
		for (size_t i = 1; i + 1 < size; i++)
			if (!is_host_byte(text.data[i]) && text.data[i] != ':')
				return false;
	} else {
		while (size < text.size && is_host_byte(text.data[size]))
			size++;
	}
	*host = span_first(text, size);
	text = span_skip(text, size);
	if (text.size == 0)
		return true;
	text = span_skip(text, 1);
	return host->data[host->size] == ':' && (text.size == 0 ||
		span_to_number(text, 65535, &port));
}

/* ---- the request line (RFC 9112 3) ---- */

/* Case matters (RFC 9110 9.1). */
static void
read_method(struct span word, struct http_request *request)
{
	static const struct {
		const char *word;
		enum http_method method;
	} methods[] = {
		{ "GET", HTTP_GET }, { "HEAD", HTTP_HEAD },
		{ "POST", HTTP_POST }, { "PUT", HTTP_OTHER },
		{ "DELETE", HTTP_OTHER }, { "CONNECT", HTTP_OTHER },
		{ "OPTIONS", HTTP_OTHER }, { "TRACE", HTTP_OTHER },
		{ "PATCH", HTTP_OTHER },
	};
	request->method = HTTP_UNKNOWN;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (span_equals(word, span_from(methods[i].word)))
			request->method = methods[i].method;
}

static enum http_status
read_target(struct span target, struct http_request *request)
{
	if (target.size > HTTP_TARGET_LIMIT)
		return HTTP_URI_TOO_LONG;
	for (size_t i = 0; i < target.size; i++)
		if (target.data[i] <= ' ' || target.data[i] >= 127 ||
		    target.data[i] == '#')
			return HTTP_BAD_REQUEST;
	/* absolute-form is taken by all servers; its host counts (3.2.2). */
	size_t scheme = span_starts_nocase(target, SPAN("http://")) ? 7 :
		span_starts_nocase(target, SPAN("https://")) ? 8 : 0;
	if (scheme > 0) {
		target = span_skip(target, scheme);
		size_t size = span_find(target, '/');
		if (size == target.size ||
		    !read_host(span_first(target, size), &request->host) ||
		    request->host.size == 0)
			return HTTP_BAD_REQUEST;
		target = span_skip(target, size);
	}
	if (target.size == 0 || target.data[0] != '/')
		return request->method >= HTTP_OTHER ? HTTP_NOT_IMPLEMENTED :
			HTTP_BAD_REQUEST;
	size_t size = span_find(target, '?');
	request->path = span_first(target, size);
	request->query = span_skip(target, size + 1);
	return HTTP_OK;
}

static enum http_status
read_version(struct span word, struct http_request *request)
{
	if (word.size != 8 || !span_starts(word, SPAN("HTTP/")) ||
	    word.data[6] != '.' || word.data[5] < '0' || word.data[5] > '9' ||
	    word.data[7] < '0' || word.data[7] > '9')
		return HTTP_BAD_REQUEST;
	if (word.data[5] != '1')
		return HTTP_VERSION_NOT_SUPPORTED;
	request->is_old = word.data[7] == '0';
	return HTTP_OK;
}

/* One blank between three words, and no more. */
static enum http_status
read_request_line(struct span line, struct http_request *request)
{
	struct span rest = line, method, target;
	if (!span_split(&rest, ' ', &method) || rest.data == NULL ||
	    !is_token(method) || !span_split(&rest, ' ', &target) ||
	    rest.data == NULL)
		return HTTP_BAD_REQUEST;
	read_method(method, request);
	enum http_status status = read_version(rest, request);
	return status == HTTP_OK ? read_target(target, request) : status;
}

/* ---- fields ---- */

static enum http_status
read_field(struct span line, struct http_request *request)
{
	struct http_field *field = &request->field[request->field_count];
	size_t colon = span_find(line, ':');
	/* No blank before the colon, no folded line (RFC 9112 5.1, 5.2). */
	if (colon == line.size || !is_token(span_first(line, colon)))
		return HTTP_BAD_REQUEST;
	if (request->field_count == HTTP_FIELD_LIMIT)
		return HTTP_FIELDS_TOO_LARGE;
	field->name = span_first(line, colon);
	field->value = span_trim(span_skip(line, colon + 1));
	if (!is_field_value(field->value))
		return HTTP_BAD_REQUEST;
	request->field_count++;
	return HTTP_OK;
}

bool
http_field(const struct http_request *request, struct span name,
	struct span *value)
{
	for (size_t i = 0; i < request->field_count; i++) {
		if (!span_equals_nocase(request->field[i].name, name))
			continue;
		*value = request->field[i].value;
		return true;
	}
	return false;
}

/* How often a field is there; *value is the first. */
static size_t
count_field(const struct http_request *request, struct span name,
	struct span *value)
{
	size_t count = 0;
	for (size_t i = 0; i < request->field_count; i++)
		if (span_equals_nocase(request->field[i].name, name) &&
		    count++ == 0)
			*value = request->field[i].value;
	return count;
}

static bool
has_word(struct span list, struct span word)
{
	struct span piece;
	while (span_split(&list, ',', &piece))
		if (span_equals_nocase(span_trim(piece), word))
			return true;
	return false;
}

/* RFC 9112 3.2: exactly one, but for HTTP/1.0, which may have none. */
static enum http_status
judge_host(struct http_request *request)
{
	struct span value, host = request->host;
	size_t count = count_field(request, SPAN("host"), &value);
	if (count == 0 && request->is_old)
		return HTTP_OK;
	if (count != 1 || !read_host(value, &request->host))
		return HTTP_BAD_REQUEST;
	if (host.size > 0)
		request->host = host;
	return HTTP_OK;
}

/* RFC 9112 6.3; both lengths, or one twice, is how requests are smuggled. */
static enum http_status
judge_body(struct http_request *request)
{
	struct span coding, length;
	size_t codings = count_field(request, SPAN("transfer-encoding"),
		&coding);
	size_t lengths = count_field(request, SPAN("content-length"), &length);
	if (lengths > 1 || codings > 1 || (codings > 0 && (lengths > 0 ||
	    request->is_old)))
		return HTTP_BAD_REQUEST;
	if (codings > 0 && !span_equals_nocase(coding, SPAN("chunked")))
		return HTTP_NOT_IMPLEMENTED;
	if (lengths > 0 && !span_to_number(length, INT64_MAX,
	    &request->length))
		return HTTP_BAD_REQUEST;
	request->is_chunked = codings > 0;
	return HTTP_OK;
}

static enum http_status
judge_connection(struct http_request *request)
{
	struct span value;
	request->is_persistent = !request->is_old;
	for (size_t i = 0; i < request->field_count; i++) {
		if (!span_equals_nocase(request->field[i].name,
		    SPAN("connection")))
			continue;
		if (has_word(request->field[i].value, SPAN("close")))
			request->is_persistent = false;
	}
	if (!http_field(request, SPAN("expect"), &value) || request->is_old)
		return HTTP_OK;
	if (!span_equals_nocase(value, SPAN("100-continue")))
		return HTTP_EXPECTATION_FAILED;
	request->wants_continue = request->is_chunked || request->length > 0;
	return HTTP_OK;
}

/* ---- the head ---- */

static enum http_status
read_lines(struct span head, struct http_request *request)
{
	struct span line;
	if (!cut_line(&head, &line))
		return HTTP_BAD_REQUEST;
	enum http_status status = read_request_line(line, request);
	while (status == HTTP_OK && head.size > 0)
		status = cut_line(&head, &line) ? read_field(line, request) :
			HTTP_BAD_REQUEST;
	if (status == HTTP_OK)
		status = judge_host(request);
	if (status == HTTP_OK)
		status = judge_body(request);
	return status == HTTP_OK ? judge_connection(request) : status;
}

/* What is not whole: is it on the way to be something? */
static enum http_status
judge_beginning(struct span in)
{
	size_t line = span_find(in, '\n');
	if (line == in.size && line > HTTP_TARGET_LIMIT + 64)
		return HTTP_URI_TOO_LONG;
	if (line < in.size && line > 0 && in.data[line - 1] != '\r')
		return HTTP_BAD_REQUEST;
	return in.size > HTTP_HEAD_LIMIT ? HTTP_FIELDS_TOO_LARGE : HTTP_MORE;
}

enum http_status
http_read_head(struct span in, struct http_request *request, size_t *consumed)
{
	*request = (struct http_request){ .method = HTTP_UNKNOWN };
	*consumed = 0;
	/* One empty line before a request is passed over (RFC 9112 2.2). */
	size_t empty = span_starts(in, SPAN("\r\n")) ? 2 : 0;
	in = span_skip(in, empty);
	size_t size = span_search(span_first(in, HTTP_HEAD_LIMIT),
		SPAN("\r\n\r\n"));
	if (size >= HTTP_HEAD_LIMIT || size == in.size)
		return judge_beginning(in);
	*consumed = empty + size + 4;
	return read_lines(span_first(in, size + 2), request);
}
