/*
 * Questions to children, one child each: started, asked, and killed when it has
 * answered or its time is over. A module of PAM that hangs takes a place until
 * then and nothing else.
 */
#ifndef PAM_ASKER_H
#define PAM_ASKER_H

#include "base/buffer.h"

enum {
	/* ms that a child has. auth waits a little longer. */
	ASKER_LOOKUP_WAIT = 3000,
	ASKER_CHECK_WAIT = 6000,
	/* Children at once, each of a kind: one does not take the other's. */
	ASKER_LOOKUPS = 16,
	ASKER_CHECKS = 16,
};

/*
 * The line without its LF; the answer with it is appended to *out. Blocks as
 * long as the times above say. False: the line is none, close the wire.
 */
bool
asker_ask(struct span line, struct buffer *out);

/* Tests: children have so long instead; ms. Nobody may be asking. */
void
asker_set_waits(int lookup, int check);

#endif
