/*
 * A message goes to the queue: SMTP on the wire queue-smtp (ARCHITECTURE.md
 * 2.4), the whole transaction in one write, its replies read after.
 */
#ifndef SMTPD_HANDOFF_H
#define SMTPD_HANDOFF_H

#include "smtpd/transaction.h"

enum {
	HANDOFF_WAIT = 60000,		/* ms for one transaction */
	HANDOFF_TEXT_SIZE = 400,
};

struct handoff_answer {
	unsigned code;			/* 250, 4xx or 5xx */
	char enhanced[12];		/* "4.3.0" */
	char text[HANDOFF_TEXT_SIZE];
};

/*
 * The envelope of `mail` with these RCPT lines (`count` of them), and as
 * content prefix and body. Blocks at most HANDOFF_WAIT. What cannot be known
 * is "later": then *answer says 451.
 */
void
handoff_message(struct conversation *conversation, const struct smtp_mail *mail,
	struct span recipients, unsigned count, struct span prefix,
	struct handoff_answer *answer);

/*
 * What makes two tries of a client the same: a hash of client, account,
 * envelope and content. -1 when spilled content could not be read.
 */
int
handoff_identify(const struct conversation *conversation,
	struct span recipients, uint8_t fingerprint[SMTP_TRANSACTION_SIZE],
	struct error *error);

#endif
