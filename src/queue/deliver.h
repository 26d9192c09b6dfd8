/*
 * Delivery into mailboxes: LMTP (RFC 2033) to the mailbox processes that own
 * the accounts, one transaction with all its recipients for each process,
 * several processes at a time.
 */
#ifndef QUEUE_DELIVER_H
#define QUEUE_DELIVER_H

#include "queue/envelope.h"
#include "queue/health.h"
#include "serve/mail_body.h"
#include "serve/wire.h"

/* Recipients of one call: so many that commands and replies always fit the
 * wires, whatever both ends write at once (RFC 2920 3.1). */
enum { DELIVER_LIMIT = 100 };

/* One for the process. */
struct deliverer {
	unsigned processes;
	struct wire_pool **pool;	/* "mailbox-lmtp", by instance */
	struct health *health;		/* by instance */
};

void
deliverer_init(struct deliverer *deliverer, struct lot *lot,
	unsigned processes);
void
deliverer_fini(struct deliverer *deliverer);

/* The process that owns the account. */
unsigned
deliver_instance(const struct deliverer *deliverer, uint64_t account);

/* Is it worth trying that process now? */
bool
deliver_is_open(struct deliverer *deliverer, unsigned instance);

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
