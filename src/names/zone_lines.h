/*
 * A zone file without its layout (RFC 1035 5.1): brackets that join lines,
 * comments, ends of lines of any system. Each record or directive comes out as
 * one line, with the number of the line in which it begins. Pure text: what the
 * words mean is zone_text.h's business.
 */
#ifndef NAMES_ZONE_LINES_H
#define NAMES_ZONE_LINES_H

#include "base/buffer.h"

struct zone_lines {
	struct span rest;
	uint32_t next;			/* number of the line that rest is */
	uint32_t began;			/* where the last entry begins, */
	struct span found;		/* and that line as it is written */
	struct buffer text;		/* the entry, in one line; quotes and
					 * escapes as they are. It begins with a
					 * blank when its name is left out */
	const char *expected;		/* a mistake; NULL: none */
};

void
zone_lines_init(struct zone_lines *lines, struct span text);
void
zone_lines_fini(struct zone_lines *lines);

/* The next entry; false: at the end, or a mistake. */
bool
zone_lines_next(struct zone_lines *lines);

#endif
