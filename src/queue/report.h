/*
 * Reports to senders: what failed for good, what takes long, what succeeded if
 * they asked (RFC 3461, RFC 3464). A report is a new message from <> in the
 * spool, whose id and transaction follow from its cause: made again after a
 * crash it is the same and is stored once. It goes in first, then the cause is
 * changed, so it is never lost.
 *
 * Nobody is told of a report that failed but postmaster, and of that nobody.
 */
#ifndef QUEUE_REPORT_H
#define QUEUE_REPORT_H

#include "proto/dsn.h"
#include "queue/spool.h"

struct queue;

enum {
	REPORT_WHOLE_LIMIT = 1 << 20,	/* bytes returned when RET=FULL was said */
	REPORT_UNASKED_LIMIT = 50000,	/* and when nothing was said */
};

struct report_rules {
	struct span host, domain;	/* myhostname, myorigin */
	enum dsn_language language;
};

/*
 * A message of the spool that owes a report, or whose time may be over: looks
 * at its recipients, stores the report, and gives the row back. Blocks while
 * auth is asked where the report goes.
 */
void
report_make(struct queue *queue, struct queued **row,
	struct envelope *envelope, const struct store_body *body,
	struct arena *arena);

/*
 * The recipients of a message of ours to these addresses, after aliases, in the
 * envelope (its arena). UNKNOWN: nobody is left. Blocks while auth is asked.
 */
enum expand_verdict
report_address(struct queue *queue, const struct span *to, size_t count,
	struct arena *arena, struct envelope *envelope);

/* ---- its parts, for tests ---- */

/* "host NAME[ADDRESS] said: REPLY (in reply to COMMAND)": NAME, and REPLY. False
 * when it was not another host that said it. */
bool
report_split_reply(struct span text, struct span *host, struct span *reply);

#endif
