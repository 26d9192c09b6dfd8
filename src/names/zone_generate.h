/*
 * $GENERATE of zone files, as BIND's administrators write it:
 * "$GENERATE 1-254/2 $ [TTL] [class] PTR host${-1,3,d}.example." One line for
 * each number of the range; see doc/names.md. Pure text: the lines that come out
 * are read like any other.
 */
#ifndef NAMES_ZONE_GENERATE_H
#define NAMES_ZONE_GENERATE_H

#include "base/buffer.h"

enum {
	ZONE_GENERATE_LIMIT = 1 << 17,	/* lines of one zone */
	ZONE_GENERATE_WIDTH = 255,	/* of a number, at most */
};

struct zone_generate {
	uint32_t next, last, step;
	struct span line;		/* owner and the rest; borrowed */
	struct buffer text;		/* what came out last */
};

/* What stands behind the word $GENERATE. NULL, or what was expected instead. */
const char *
zone_generate_init(struct zone_generate *generate, struct span words);
void
zone_generate_fini(struct zone_generate *generate);

/* The next line into text; false: at the end, or with *expected a mistake. */
bool
zone_generate_next(struct zone_generate *generate, const char **expected);

#endif
