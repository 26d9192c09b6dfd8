/* Heads of requests and bodies in chunks: tables of named cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "proto/http.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define GET "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"

static const struct {
	const char *name, *head;
	enum http_status status;
} heads[] = {
	{ "plain", GET "\r\n", HTTP_OK },
	{ "old", "GET / HTTP/1.0\r\n\r\n", HTTP_OK },
	{ "an empty line before", "\r\n" GET "\r\n", HTTP_OK },
	{ "two empty lines before", "\r\n\r\n" GET "\r\n", HTTP_BAD_REQUEST },
	{ "nothing yet", "", HTTP_MORE },
	{ "half of it", "GET / HTTP/1.1\r\nHost: a\r\n", HTTP_MORE },
	{ "half of the end", GET "\r", HTTP_MORE },
	{ "an absolute target", "GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n",
		HTTP_OK },
	{ "other methods", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_OK },
	{ "authority", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
		HTTP_NOT_IMPLEMENTED },
	{ "asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
		HTTP_NOT_IMPLEMENTED },
	{ "no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_BAD_REQUEST },
	{ "two blanks", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_BAD_REQUEST },
	{ "a blank behind", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
		HTTP_BAD_REQUEST },
	{ "a blank in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
		HTTP_BAD_REQUEST },
	{ "a fragment", "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n",
		HTTP_BAD_REQUEST },
	{ "a control in the target", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
		HTTP_BAD_REQUEST },
	{ "an octet above ASCII", "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n",
		HTTP_BAD_REQUEST },
	{ "a user in the target", "GET http://u@b/ HTTP/1.1\r\nHost: a\r\n\r\n",
		HTTP_BAD_REQUEST },
	{ "0.9", "GET /\r\n\r\n", HTTP_BAD_REQUEST },
	{ "2", "PRI / HTTP/2.0\r\n\r\n", HTTP_VERSION_NOT_SUPPORTED },
	{ "no version", "GET / HTPT/1.1\r\nHost: a\r\n\r\n", HTTP_BAD_REQUEST },
	{ "a long version", "GET / HTTP/1.10\r\nHost: a\r\n\r\n",
		HTTP_BAD_REQUEST },
	/* line ends */
	{ "LF alone", "GET / HTTP/1.1\nHost: a\n\n", HTTP_BAD_REQUEST },
	{ "LF in the end", GET "\n\r\n\r\n", HTTP_BAD_REQUEST },
	{ "CR alone", GET "X: a\rb\r\n\r\n", HTTP_BAD_REQUEST },
	{ "LF in a value", GET "X: a\nY: b\r\n\r\n", HTTP_BAD_REQUEST },
	/* fields */
	{ "a blank before the colon", GET "X : a\r\n\r\n", HTTP_BAD_REQUEST },
	{ "a folded field", GET "X: a\r\n b\r\n\r\n", HTTP_BAD_REQUEST },
	{ "a blank before the first", "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
		HTTP_BAD_REQUEST },
	{ "no colon", GET "X\r\n\r\n", HTTP_BAD_REQUEST },
	{ "no name", GET ": x\r\n\r\n", HTTP_BAD_REQUEST },
	{ "an empty value", GET "X:\r\n\r\n", HTTP_OK },
	{ "a control in a value", GET "X: \x01\r\n\r\n", HTTP_BAD_REQUEST },
	{ "octets above ASCII in a value", GET "X: \xc3\xa4\r\n\r\n", HTTP_OK },
	/* hosts */
	{ "no host", "GET / HTTP/1.1\r\n\r\n", HTTP_BAD_REQUEST },
	{ "two hosts", GET "Host: b\r\n\r\n", HTTP_BAD_REQUEST },
	{ "the same host twice", GET "HOST: a\r\n\r\n", HTTP_BAD_REQUEST },
	{ "an empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", HTTP_OK },
	{ "a port", "GET / HTTP/1.1\r\nHost: a:80\r\n\r\n", HTTP_OK },
	{ "no port behind the colon", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n",
		HTTP_OK },
	{ "a name as port", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n",
		HTTP_BAD_REQUEST },
	{ "a port too large", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n",
		HTTP_BAD_REQUEST },
	{ "IPv6", "GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", HTTP_OK },
	{ "an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
		HTTP_BAD_REQUEST },
	{ "a path in the host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
		HTTP_BAD_REQUEST },
	{ "a user in the host", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
		HTTP_BAD_REQUEST },
	{ "a line in the host", "GET / HTTP/1.1\r\nHost: a%0d%0ab\r\n\r\n",
		HTTP_BAD_REQUEST },
	{ "a list of hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
		HTTP_BAD_REQUEST },
	/* bodies: what smuggles */
	{ "a length", POST "Content-Length: 5\r\n\r\n", HTTP_OK },
	{ "two lengths", POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
		HTTP_BAD_REQUEST },
	{ "a length twice", POST
		"Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
		HTTP_BAD_REQUEST },
	{ "a list of lengths", POST "Content-Length: 5, 5\r\n\r\n",
		HTTP_BAD_REQUEST },
	{ "a signed length", POST "Content-Length: +5\r\n\r\n",
		HTTP_BAD_REQUEST },
	{ "a negative length", POST "Content-Length: -5\r\n\r\n",
		HTTP_BAD_REQUEST },
	{ "an empty length", POST "Content-Length:\r\n\r\n", HTTP_BAD_REQUEST },
	{ "a length in hex", POST "Content-Length: 0x5\r\n\r\n",
		HTTP_BAD_REQUEST },
	{ "a length too large", POST
		"Content-Length: 99999999999999999999\r\n\r\n",
		HTTP_BAD_REQUEST },
	{ "chunks", POST "Transfer-Encoding: Chunked\r\n\r\n", HTTP_OK },
	{ "chunks and a length", POST
		"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
		HTTP_BAD_REQUEST },
	{ "a length and chunks", POST
		"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
		HTTP_BAD_REQUEST },
	{ "chunks twice", POST "Transfer-Encoding: chunked\r\n"
		"Transfer-Encoding: chunked\r\n\r\n", HTTP_BAD_REQUEST },
	{ "chunks behind another", POST
		"Transfer-Encoding: gzip, chunked\r\n\r\n", HTTP_NOT_IMPLEMENTED },
	{ "what is not chunked", POST "Transfer-Encoding: xchunked\r\n\r\n",
		HTTP_NOT_IMPLEMENTED },
	{ "identity", POST "Transfer-Encoding: identity\r\n\r\n",
		HTTP_NOT_IMPLEMENTED },
	{ "chunks in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
		HTTP_BAD_REQUEST },
	{ "a hidden coding", POST "Transfer-Encoding : chunked\r\n\r\n",
		HTTP_BAD_REQUEST },
	{ "continue", POST "Content-Length: 5\r\nExpect: 100-Continue\r\n\r\n",
		HTTP_OK },
	{ "another expectation", POST "Expect: tea\r\n\r\n",
		HTTP_EXPECTATION_FAILED },
};

static void
heads_are_read_strictly(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(heads); i++) {
		struct http_request request;
		size_t consumed;
		enum http_status status = http_read_head(
			span_from(heads[i].head), &request, &consumed);
		if (status != heads[i].status)
			fail_msg("%s: %d", heads[i].name, status);
		if (status == HTTP_OK)
			assert_int_equal(consumed, strlen(heads[i].head));
	}
}

static void
a_head_says_what_is_asked(void **state)
{
	struct http_request request;
	struct span value;
	size_t consumed;
	(void)state;
	assert_int_equal(http_read_head(SPAN("POST https://B.test:1/x?y=1&z "
		"HTTP/1.1\r\nhost: a\r\nX-y:\t z \r\nX-Y: w\r\n"
		"Content-Length: 007\r\nConnection: x, Close\r\n"
		"Expect: 100-continue\r\n\r\nrest"), &request, &consumed),
		HTTP_OK);
	assert_int_equal(request.method, HTTP_POST);
	assert_true(span_equals(request.host, SPAN("B.test")));
	assert_true(span_equals(request.path, SPAN("/x")));
	assert_true(span_equals(request.query, SPAN("y=1&z")));
	assert_int_equal(request.length, 7);
	assert_false(request.is_persistent);
	assert_false(request.is_old);
	assert_true(request.wants_continue);
	assert_true(http_field(&request, SPAN("x-Y"), &value));
	assert_true(span_equals(value, SPAN("z")));
	assert_false(http_field(&request, SPAN("x"), &value));
}

static void
limits_hold(void **state)
{
	struct http_request request;
	struct buffer head;
	size_t consumed;
	(void)state;
	buffer_init(&head, 0);
	for (size_t i = 0; i < HTTP_TARGET_LIMIT + 100; i++)
		buffer_add_byte(&head, i == 0 ? '/' : 'x');
	/* a request line without an end */
	assert_int_equal(http_read_head(buffer_span(&head), &request,
		&consumed), HTTP_URI_TOO_LONG);
	buffer_clear(&head);
	buffer_add_string(&head, "GET /");
	for (size_t i = 0; i < HTTP_TARGET_LIMIT; i++)
		buffer_add_byte(&head, 'x');
	buffer_add_string(&head, " HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(http_read_head(buffer_span(&head), &request,
		&consumed), HTTP_URI_TOO_LONG);
	buffer_clear(&head);
	buffer_add_string(&head, GET "X: ");
	while (head.size <= HTTP_HEAD_LIMIT)
		buffer_add_byte(&head, 'x');
	assert_int_equal(http_read_head(buffer_span(&head), &request,
		&consumed), HTTP_FIELDS_TOO_LARGE);
	/* whole, but longer than may be */
	buffer_add_string(&head, "\r\n\r\n");
	assert_int_equal(http_read_head(buffer_span(&head), &request,
		&consumed), HTTP_FIELDS_TOO_LARGE);
	buffer_clear(&head);
	buffer_add_string(&head, GET);
	for (int i = 0; i < HTTP_FIELD_LIMIT; i++)
		buffer_add_string(&head, "a:\r\n");
	buffer_add_string(&head, "\r\n");
	assert_int_equal(http_read_head(buffer_span(&head), &request,
		&consumed), HTTP_FIELDS_TOO_LARGE);
	buffer_fini(&head);
}

static const struct {
	const char *name, *in, *body;
	size_t left;			/* octets that are not taken */
	enum http_status status;
} bodies[] = {
	{ "none", "0\r\n\r\nX", "", 1, HTTP_OK },
	{ "two", "3\r\nabc\r\n2;x=\"y\"\r\nde\r\n0\r\n\r\n", "abcde", 0, HTTP_OK },
	{ "zeros and case", "00A\r\n0123456789\r\n0\r\n\r\n", "0123456789", 0,
		HTTP_OK },
	{ "a trailer", "1\r\na\r\n0\r\nX: y\r\nZ: w\r\n\r\nmore", "a", 4,
		HTTP_OK },
	{ "half a size", "1", "", 1, HTTP_MORE },
	{ "half of the data", "3\r\nab", "ab", 0, HTTP_MORE },
	{ "half of its end", "3\r\nabc\r", "abc", 1, HTTP_MORE },
	{ "no size", "\r\n\r\n", "", 2, HTTP_BAD_REQUEST },
	{ "a sign", "+1\r\na\r\n0\r\n\r\n", "", 12, HTTP_BAD_REQUEST },
	{ "0x", "0x1\r\na\r\n0\r\n\r\n", "", 13, HTTP_BAD_REQUEST },
	{ "a blank", "1 \r\na\r\n0\r\n\r\n", "", 12, HTTP_BAD_REQUEST },
	{ "LF alone", "1\na\r\n0\r\n\r\n", "", 10, HTTP_BAD_REQUEST },
	{ "LF in an extension", "1;\n0\r\n\r\n", "", 8, HTTP_BAD_REQUEST },
	{ "CR in an extension", "1;\rx\r\na\r\n0\r\n\r\n", "", 13,
		HTTP_BAD_REQUEST },
	{ "data that goes on", "1\r\nab\r\n0\r\n\r\n", "a", 8, HTTP_BAD_REQUEST },
	{ "LF behind data", "1\r\na\n0\r\n\r\n", "a", 6, HTTP_BAD_REQUEST },
	{ "a size that overflows", "10000000000000001\r\na\r\n", "", 20,
		HTTP_BAD_REQUEST },
	{ "more than may be", "11\r\n0123", "", 4, HTTP_CONTENT_TOO_LARGE },
	{ "more than may be, in two", "10\r\n0123456789abcdef\r\n1\r\nx", "0123456789abcdef",
		1, HTTP_CONTENT_TOO_LARGE },
};

/* In pieces of `step` octets. */
static enum http_status
take_all(const char *text, size_t step, struct buffer *body, size_t *left)
{
	struct http_chunks chunks = { .place = HTTP_CHUNK_SIZE };
	enum http_status status = HTTP_MORE;
	size_t taken = 0, given = 0, size = strlen(text);
	while (status == HTTP_MORE && given < size) {
		size_t consumed;
		given = given + step < size ? given + step : size;
		status = http_take_chunks(&chunks, span_of(text + taken,
			given - taken), &consumed, body);
		taken += consumed;
	}
	*left = size - taken;
	return status;
}

static void
chunks_are_read_strictly(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++)
		for (size_t step = 1; step <= strlen(bodies[i].in); step++) {
			struct buffer body;
			size_t left;
			buffer_init(&body, 16);
			enum http_status status = take_all(bodies[i].in, step,
				&body, &left);
			if (status != bodies[i].status ||
			    !span_equals(buffer_span(&body),
				span_from(bodies[i].body)) ||
			    (status < 400 && left != bodies[i].left))
				fail_msg("%s, %zu at a time: %d, %zu left",
					bodies[i].name, step, status, left);
			buffer_fini(&body);
		}
}

static void
trailers_and_extensions_are_bounded(void **state)
{
	struct buffer body, in;
	size_t left;
	(void)state;
	buffer_init(&body, 16);
	buffer_init(&in, 0);
	buffer_add_string(&in, "0\r\n");
	for (int i = 0; i < HTTP_TRAILER_LIMIT / 4 + 1; i++)
		buffer_add_string(&in, "a:\r\n");
	assert_int_equal(take_all(buffer_string(&in), 1000, &body, &left),
		HTTP_FIELDS_TOO_LARGE);
	buffer_clear(&in);
	buffer_add_string(&in, "1;");
	for (int i = 0; i < HTTP_CHUNK_LINE_LIMIT; i++)
		buffer_add_byte(&in, 'x');
	assert_int_equal(take_all(buffer_string(&in), 1000, &body, &left),
		HTTP_BAD_REQUEST);
	buffer_fini(&in);
	buffer_fini(&body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_are_read_strictly),
		cmocka_unit_test(a_head_says_what_is_asked),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(chunks_are_read_strictly),
		cmocka_unit_test(trailers_and_extensions_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
