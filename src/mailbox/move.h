/*
 * Sessions that go to the successor of this mailbox process at an upgrade:
 * the connection, what is on its way in both directions, and the protocol's
 * flat struct of all that it knows of the client. The successor begins when
 * this process has given up its claims.
 */
#ifndef MAILBOX_MOVE_H
#define MAILBOX_MOVE_H

#include "mailbox/mailbox.h"
#include "serve/legacy.h"
#include "serve/stream.h"

/* The first three stay what they are in every version. */
struct move_head {
	uint32_t version, size;		/* the protocol's; of its struct */
	char service[24];		/* "mailbox-imap" */
	char session[LOG_ID_SIZE];
	uint32_t unread, out;		/* bytes behind the struct */
	uint64_t spill_start, spill_end;	/* of the second descriptor */
};

/* Asked by a session that has done what it could do: shall it go? */
bool
move_is_wanted(void);

/*
 * Sends it: `parts` is the protocol's struct and what belongs to it. The caller
 * then closes the session without a word. -1: it stays.
 */
int
move_send(const struct move_head *head, const struct stream *stream,
	struct span parts, struct error *error);

/* A session that has come; for the protocol's resume function, which takes
 * what it keeps of `stream`. */
struct moved {
	const struct mailbox *mailbox;
	struct stream stream;
	struct span parts;		/* borrowed */
	char session[LOG_ID_SIZE];
};

/* Makes all that the predecessor sent go on; before lot_run, after adopt_init. */
void
move_take_all(const struct mailbox *mailbox);

#endif
