/*
 * A mail transaction (RFC 5321 3.3): the envelope, from MAIL until the end of
 * data, RSET, or whatever ends it.
 */
#ifndef SMTPD_TRANSACTION_H
#define SMTPD_TRANSACTION_H

#include "proto/smtp_data.h"
#include "serve/mail_body.h"
#include "smtpd/conversation.h"
#include "smtpd/header_scan.h"

enum {
	/* Content that waits in memory; beyond it goes into a file. */
	TRANSACTION_MEMORY = 262144,
	TRANSACTION_MEMORY_CROWDED = 16384,	/* when much is held */
	TRANSACTION_RECEIVED_LIMIT = 100,	/* RFC 5321 6.3 */
	TRANSACTION_ENVELOPE_LIMIT = 4 << 20,	/* octets of all RCPT lines */
};

struct transaction {
	struct arena arena;		/* what mail points to */
	struct smtp_mail mail;
	struct buffer recipients;	/* RCPT lines as the queue gets them */
	struct span first;		/* the first recipient, in the arena */
	unsigned count;			/* accepted ones */
	bool has_tried;			/* some RCPT was said */
	bool has_content;		/* DATA or BDAT has begun */
	bool is_refused;		/* content is thrown away, .refusal said */
	enum smtp_reply refusal;
	struct smtp_data data;
	struct header_scan header;
	struct mail_body body;
	int64_t ended;			/* when content was whole;
					 * clock_microseconds */
	int64_t held;			/* what is counted in smtpd->held */
};

void
transaction_mail(struct conversation *conversation, struct span argument);
void
transaction_rcpt(struct conversation *conversation, struct span argument);

/* Ends the transaction if there is one. */
void
transaction_end(struct conversation *conversation);

/* Counts what the transaction holds in memory; false when all together hold
 * too much: then no more of it is to be taken. */
bool
transaction_account(struct conversation *conversation);

/* From now on content is not kept; the first reason stands. */
void
transaction_refuse(struct transaction *transaction, enum smtp_reply reason);

#endif
