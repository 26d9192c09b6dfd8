/*
 * What the mailbox process asks auth: to redeem tickets, and to know which
 * accounts are over their quota (auth-ticket, ARCHITECTURE.md 2.3).
 */
#ifndef MAILBOX_TICKET_H
#define MAILBOX_TICKET_H

#include "mailbox/mailbox.h"
#include "serve/wire.h"

enum { TICKET_WAIT = 5000 };	/* ms for auth, at most */

enum ticket_verdict {
	TICKET_OK,
	TICKET_DENIED,	/* not known, used already, too old, not for us */
	TICKET_LATER,	/* auth is away or busy */
};

/* What a ticket says. */
struct ticket {
	uint64_t account, actor, quota;
	char user[ADDRESS_PATH_LIMIT + 2];
};

/* Blocks at most TICKET_WAIT. `service` is what the ticket must be for. */
enum ticket_verdict
ticket_ask(struct wire_pool *auth,
	const uint8_t number[HANDOVER_TICKET_SIZE], const char *service,
	struct ticket *ticket, struct error *error);

/* Reads the answer to REDEEM; for ticket_ask and its test. */
enum ticket_verdict
ticket_take_answer(struct span line, const char *service,
	struct ticket *ticket);

#endif
