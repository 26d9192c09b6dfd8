/*
 * A client that has logged in goes to its mailbox process, with its ticket and
 * what it has sent already. Nothing is said to it here: the mailbox process
 * redeems the ticket and answers the login.
 */
#ifndef LOGIN_HANDOFF_H
#define LOGIN_HANDOFF_H

#include "login/client.h"

/* When the mailbox process is away the client is told and stays. */
void
handoff(struct client *client);

#endif
