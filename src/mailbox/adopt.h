/*
 * Connections that login hands over: the ticket is redeemed, and the protocol's
 * session begins. Counts the sessions of each account.
 */
#ifndef MAILBOX_ADOPT_H
#define MAILBOX_ADOPT_H

#include "mailbox/mailbox.h"
#include "serve/listener.h"
#include "serve/wire.h"

/* Once, before sessions run. limits come from `config`. auth is the pool of
 * "auth-ticket". */
void
adopt_init(const struct mailbox *mailbox, const struct config *config,
	struct wire_pool *auth);

/* After lot_run: frees `auth` too. */
void
adopt_fini(void);

/* The accept function of each service in mailbox_protocols: a wire on which
 * connections come. */
void
adopt_accept(struct lot *lot, struct incoming *incoming);

#endif
