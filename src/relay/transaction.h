/*
 * One mail transaction on a connection: MAIL, RCPT and the message, pipelined
 * as far as the server allows, and what it answers for each recipient.
 *
 *	RFC 5321 3.3, 4.5.3.1.10	RFC 2920 pipelining	RFC 3030 BDAT
 *	RFC 6152, 6531, 1870, 3461, 8689: what is said and what is left unsaid
 */
#ifndef RELAY_TRANSACTION_H
#define RELAY_TRANSACTION_H

#include "relay/body.h"
#include "relay/client.h"
#include "serve/mail_server.h"

/* The message, as it came and as it may have to be changed; made once for all
 * servers that are tried. */
struct message {
	struct mail_transaction *mail;
	struct body_facts facts;
	/* What servers without 8BITMIME or BINARYMIME get; made when the first
	 * of them is met. */
	enum { MESSAGE_UNCONVERTED, MESSAGE_CONVERTED, MESSAGE_INCONVERTIBLE }
		conversion;
	struct mail_body converted;
	struct body_facts converted_facts;
	bool needs_smtputf8;		/* the sender or a header beyond ASCII */
	struct arena *arena;		/* for verdicts */
};

/* Looks at the body. -1 when it cannot be read; message_fini all the same. */
int
message_init(struct message *message, struct mail_transaction *mail,
	struct arena *arena, struct error *error);
void
message_fini(struct message *message);

/* A recipient while servers are tried. */
struct attempt {
	const struct mail_recipient *recipient;
	struct verdict verdict;		/* .code 0: not tried, or to be tried on */
	struct verdict before;		/* of the host before, which said "later" */
	bool is_accepted;		/* RCPT was, in this transaction */
	bool is_postponed;		/* 452: too many for one transaction */
};

/*
 * Runs one transaction for the attempts given (the list is reordered), which
 * have no verdict before. Afterwards true: everybody has one, but those who are
 * postponed. False: the connection is of no use any more; who has no verdict
 * did certainly not get the message.
 */
bool
transaction_run(struct client *client, struct message *message,
	struct attempt **attempt, size_t count);

#endif
