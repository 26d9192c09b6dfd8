/*
 * Delivery into mailboxes: LMTP (RFC 2033) to the mailbox processes that own
 * the accounts, one transaction with all its recipients for each process,
 * several processes at a time.
 */
#ifndef QUEUE_DELIVER_H
#define QUEUE_DELIVER_H

#include "queue/envelope.h"
#include "queue/ways.h"
#include "serve/mail_body.h"

/* Recipients of one call: so many that commands and replies always fit the
 * wires, whatever both ends write at once (RFC 2920 3.1). */
enum { DELIVER_LIMIT = 100 };

/* One for the process. */
struct deliverer {
	struct ways ways;
};

void
deliverer_init(struct deliverer *deliverer, struct lot *lot,
	unsigned processes);
void
deliverer_fini(struct deliverer *deliverer);

/* Which process has the account; a number that is the same for all of its. */
uint64_t
deliver_process(const struct deliverer *deliverer, uint64_t account);

/* Is it worth trying the account's process now? */
bool
deliver_is_open(struct deliverer *deliverer, uint64_t account);

struct delivery_batch {
	const struct envelope *envelope;
	const struct mail_body *body;
	struct recipient **recipient;	/* local ones; reordered */
	size_t count;			/* at most DELIVER_LIMIT */
	int64_t deadline;		/* monotonic ms */
	struct arena *arena;		/* for the texts of replies */
};

/*
 * Tries all recipients of the batch. Each gets a reply: 2xx it is stored
 * durably, 5xx it never will be, 4xx not now; with 4xx is_uncertain says that
 * it may be stored all the same. Blocks until the deadline at most.
 */
void
deliver_local(struct deliverer *deliverer, struct delivery_batch *batch);

#endif
