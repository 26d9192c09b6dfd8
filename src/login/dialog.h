/*
 * The dialogue of a login (RFC 9051 6.2.2, RFC 5034): auth leads it, here are
 * the lines and what becomes of the verdict. The first success hands the client
 * to its mailbox process.
 */
#ifndef LOGIN_DIALOG_H
#define LOGIN_DIALOG_H

#include "login/client.h"

/* AUTHENTICATE, AUTH. response: base64, "=" for an empty one; data NULL: none. */
void
dialog_begin(struct client *client, struct span mechanism,
	struct span response);

/* LOGIN, PASS. */
void
dialog_login(struct client *client, struct span name, struct span password);

/* The next line in CLIENT_SASL; false when there is none yet. */
bool
dialog_next(struct client *client);

/* The reply to a failed login, after its penalty. */
void
dialog_reply_failure(struct client *client, enum reply reply);

/* May this client send its password here and now? */
bool
dialog_may_send_password(const struct client *client);

/* Is there a point in LOGIN and USER: may it, and does auth take passwords?
 * While nobody knows what auth takes, yes. */
bool
dialog_takes_password(struct client *client);

#endif
