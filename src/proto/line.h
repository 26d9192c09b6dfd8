/*
 * The one function that reads lines off a wire. Push parsing: give it what has
 * arrived so far; it says whether a line is whole.
 */
#ifndef PROTO_LINE_H
#define PROTO_LINE_H

#include "base/span.h"

enum line_verdict {
	LINE_OK,	/* *line is it, without CRLF */
	LINE_MORE,	/* not whole yet */
	LINE_TOO_LONG,	/* longer than limit; *consumed bytes may be dropped */
	LINE_BARE_LF,	/* ended by LF alone; *line is it */
	LINE_BARE_CR,	/* holds a CR that is not before LF; *line is it */
};

/*
 * limit counts the bytes before CRLF. With LINE_TOO_LONG *consumed is what can
 * be thrown away now; go on calling until another verdict to find the end.
 */
enum line_verdict
line_next(struct span in, size_t limit, struct span *line, size_t *consumed);

#endif
