/*
 * The recipients of a transaction after aliases: every target once, however
 * many addresses lead to it.
 */
#ifndef QUEUE_COLLECT_H
#define QUEUE_COLLECT_H

#include "queue/envelope.h"
#include "queue/expand.h"
#include "serve/mail_server.h"

/* Targets of one transaction; more are answered 452. */
enum { COLLECT_LIMIT = 100000 };

/*
 * Makes the envelope's recipients (in its arena) of what the transaction's
 * addresses expanded to, in order. An account or address that was reached
 * before is left out: the first way to it counts. Unknown addresses become
 * recipients with state BOUNCE and 550 5.1.1. False when there are more than
 * COLLECT_LIMIT.
 */
bool
collect_recipients(struct envelope *envelope, struct arena *arena,
	const struct mail_recipient *recipient,
	const struct expansion *expansion, size_t count);

#endif
