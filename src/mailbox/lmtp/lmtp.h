/*
 * Delivery into accounts: what LMTP (RFC 2033) from the queue ends in.
 */
#ifndef MAILBOX_LMTP_LMTP_H
#define MAILBOX_LMTP_LMTP_H

#include "mailbox/mailbox.h"
#include "serve/mail_server.h"

/* Fills in a server whose messages go into the accounts of this process. */
void
lmtp_server_init(struct mail_server *server, const struct mailbox *mailbox);

#endif
