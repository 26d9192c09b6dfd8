/*
 * Where a user's .forward sends his mail: read for each message, in his home,
 * by the process that is he. The answer is one LMTP reply of several lines
 * (ARCHITECTURE.md 2.4):
 *
 *	251-2.1.5 address bob@example.net
 *	251-2.1.5 program 0 +detail
 *	251-2.1.5 mailbox
 *	251 2.1.5 Forwarded
 */
#ifndef PIPE_FORWARD_H
#define PIPE_FORWARD_H

#include "pipe/pipe.h"

enum {
	FORWARD_LIMIT = 64 << 10,	/* bytes of a .forward */
	FORWARD_TARGETS = 100,
	FORWARD_DEPTH = 8,		/* of :include: */
};

/*
 * Appends the lines for ~/.forward+detail or ~/.forward. One that is not there
 * or cannot be used (rights, syntax) means his mailbox alone; then -1, and the
 * error says why to the log. ERROR_LATER: nothing was appended, the disk does
 * not answer.
 */
int
forward_answer(const struct pipe_delivery *delivery, struct buffer *lines,
	struct error *error);

/* Opens home as a directory that is his own; for the programs in .forward too. */
int
forward_open_home(const struct pipe *pipe, struct error *error);

#endif
