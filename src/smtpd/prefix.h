/*
 * What smtpd puts in front of a message: Received (RFC 5321 4.4), and on
 * submission the fields that are missing (RFC 6409 8).
 */
#ifndef SMTPD_PREFIX_H
#define SMTPD_PREFIX_H

#include "smtpd/transaction.h"

enum { PREFIX_FROM_LIMIT = 20 };	/* addresses in one From */

/* seconds: the time now. */
void
prefix_add(struct buffer *out, const struct conversation *conversation,
	int64_t seconds);

/*
 * May the account send with this From header? SMTP_REPLY_OK, or the reply that
 * refuses or defers the message; none is to be given when it then waits for
 * its turn.
 */
enum smtp_reply
prefix_check_from(struct conversation *conversation);

#endif
