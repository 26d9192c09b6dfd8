/*
 * HTTP/1.1 as a server reads it (RFC 9112, RFC 9110): heads of requests, bodies
 * in chunks. Where the RFCs let a server be lenient (bare LF, folded fields, two
 * lengths, blanks before a colon) this reader is not: what two programs in a row
 * may understand differently is refused, and the connection with it.
 */
#ifndef PROTO_HTTP_H
#define PROTO_HTTP_H

#include "base/buffer.h"

enum {
	HTTP_HEAD_LIMIT = 16384,	/* octets of request line and fields; 431 */
	HTTP_TARGET_LIMIT = 4096,	/* octets of the target; 414 */
	HTTP_FIELD_LIMIT = 64,		/* fields; 431 */
	HTTP_CHUNK_LINE_LIMIT = 256,	/* octets before a chunk's data */
	HTTP_TRAILER_LIMIT = 4096,	/* octets of the trailer; 431 */
};

/* What a server answers a request that it cannot read. */
enum http_status {
	HTTP_MORE = 0,			/* the head is not whole yet */
	HTTP_OK = 200,
	HTTP_BAD_REQUEST = 400,
	HTTP_CONTENT_TOO_LARGE = 413,
	HTTP_URI_TOO_LONG = 414,
	HTTP_EXPECTATION_FAILED = 417,
	HTTP_FIELDS_TOO_LARGE = 431,
	HTTP_NOT_IMPLEMENTED = 501,
	HTTP_VERSION_NOT_SUPPORTED = 505,
};

/* OTHER is one that is known (RFC 9110 9.3, RFC 5789) and has no page of ours;
 * UNKNOWN are all the rest. */
enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_OTHER, HTTP_UNKNOWN };

struct http_field {
	struct span name, value;
};

/* Spans point into what was read. */
struct http_request {
	enum http_method method;
	struct span path, query;	/* as sent, without and behind the ? */
	struct span host;		/* without the port; empty: none */
	bool is_old;			/* HTTP/1.0 */
	bool is_persistent;		/* RFC 9112 9.3 */
	bool wants_continue;		/* RFC 9110 10.1.1 */
	bool is_chunked;
	uint64_t length;		/* of the body, if it is not chunked */
	struct http_field field[HTTP_FIELD_LIMIT];
	size_t field_count;
};

/*
 * Reads a head off the front of `in`; with HTTP_OK *consumed is its length.
 * Anything but MORE and OK is the answer, after which the connection ends.
 */
enum http_status
http_read_head(struct span in, struct http_request *request, size_t *consumed);

/* The value of the first field of that name (any case); false: none. */
bool
http_field(const struct http_request *request, struct span name,
	struct span *value);

/* ---- chunked bodies (RFC 9112 7.1) ---- */

enum http_chunk_place { HTTP_CHUNK_SIZE, HTTP_CHUNK_DATA, HTTP_CHUNK_END,
	HTTP_CHUNK_TRAILER };

/* Begins as zeros. */
struct http_chunks {
	enum http_chunk_place place;
	uint64_t left;			/* of the data of this chunk */
	size_t trailer;			/* octets of it that were seen */
};

/*
 * Takes what can be taken: data goes to `body`, whose limit is the limit. MORE,
 * OK at the end of the body (*consumed is right behind it), or the answer.
 */
enum http_status
http_take_chunks(struct http_chunks *chunks, struct span in, size_t *consumed,
	struct buffer *body);

#endif
