/*
 * Lines of a text as all files of Postfix have them (postconf(5), postmap(1)): one
 * that begins with a blank or a tab continues the last; those that are empty or
 * begin with "#" are left out, wherever they stand.
 */
#ifndef BASE_LOGICAL_LINES_H
#define BASE_LOGICAL_LINES_H

#include "base/buffer.h"

struct logical_lines {
	struct span rest;
	struct buffer text;
	unsigned number;	/* of the last line that was read */
	unsigned line;		/* where the current logical line begins */
	bool is_orphan;		/* it should continue one, but is the first */
};

/* The text stays the caller's. */
void
logical_lines_init(struct logical_lines *lines, struct span text);
void
logical_lines_fini(struct logical_lines *lines);

/* The next one, with a blank between its pieces; borrowed until the next call.
 * False: there are no more. */
bool
logical_lines_next(struct logical_lines *lines, struct span *text);

#endif
