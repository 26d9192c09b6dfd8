/* Header fields of an answer that the caller wants to know (RFC 9110 5). */
#ifndef FETCH_HEADER_H
#define FETCH_HEADER_H

#include "serve/fetch_call.h"

/*
 * A line as libcurl gives it, with its CRLF. A status line begins anew, since
 * what stood before it was of an answer like "100 Continue". The first field
 * of a name counts; a value is visible ASCII and cut to FETCH_HEADER_LIMIT, or it
 * does not count.
 */
void
header_take(const struct fetch_request *request, struct arena *arena,
	struct span line, struct fetch_answer *answer);

#endif
