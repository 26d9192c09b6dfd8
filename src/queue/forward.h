/*
 * .forward of system users. A mailbox process that finds one stores nothing
 * and answers 251; the recipient then is a question to the process pipe of that
 * uid, whose answer says where the message goes: each step is in the spool,
 * durably, before the one before it counts as done (doc/formats/spool.md).
 */
#ifndef QUEUE_FORWARD_H
#define QUEUE_FORWARD_H

#include "queue/envelope.h"
#include "serve/mail_body.h"

struct queue;

enum { FORWARD_TARGETS = 200 };		/* of one answer; more are damage */

/* A mailbox answered 251: the recipient is now the question, due at once. False:
 * it did not, or had no right to. */
bool
forward_take(struct recipient *recipient);

/* What pipe answered about one recipient of the envelope. */
struct forward_answer {
	struct envelope *envelope;
	struct recipient *recipient;
	const struct mail_body *body;
	struct span lines;		/* of its reply */
	struct arena *arena;		/* the envelope's */
};

/*
 * Puts what goes to other addresses into the spool as a message of its own,
 * then changes the envelope: the recipient is his mailbox itself, or DONE, and
 * programs are added. To be settled by the caller. False: later, nothing has
 * changed. Blocks while auth is asked.
 */
bool
forward_apply(struct queue *queue, const struct forward_answer *answer);

#endif
