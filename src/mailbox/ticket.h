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
	bool is_external;	/* the client logged in as who it is: */
	uint32_t peer;		/* this uid */
};

/*
 * Is the connection one that the ticket may be used for? A ticket that no
 * password was given for is good only for a client of our Unix sockets who is
 * the peer that the ticket names: login, which said who it is, is not believed.
 */
bool
ticket_fits(const struct ticket *ticket, int fd);

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
