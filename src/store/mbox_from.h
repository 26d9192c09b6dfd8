/*
 * The line that begins a message in an mbox: "From SENDER DATE". It is told
 * from a line of text by its form (RFC 4155 appendix A, and the layouts of
 * dates that programs have written since 1975).
 */
#ifndef STORE_MBOX_FROM_H
#define STORE_MBOX_FROM_H

#include "base/buffer.h"

enum {
	MBOX_FROM_LIMIT = 1000,		/* bytes of a line that is taken for one */
	MBOX_SENDER_LIMIT = 320,
};

struct mbox_from {
	struct span sender;	/* may be empty */
	int64_t date;		/* a line without a zone is in local time */
	int zone;		/* minutes east */
};

/* `line` with or without its end. */
bool
mbox_from_parse(struct span line, struct mbox_from *from);

/* The line with LF, in local time, as others write it. What may not stand in a
 * sender becomes '_'; an empty one MAILER-DAEMON. */
void
mbox_from_add(struct buffer *out, struct span sender, int64_t date);

#endif
