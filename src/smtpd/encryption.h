/*
 * STARTTLS (RFC 3207) and ports with TLS from the start (RFC 8314): the socket
 * goes to tls, and this process goes on with the plain end of a socket pair.
 */
#ifndef SMTPD_ENCRYPTION_H
#define SMTPD_ENCRYPTION_H

#include "smtpd/conversation.h"

bool
encryption_is_offered(const struct conversation *conversation);

void
encryption_starttls(struct conversation *conversation, struct span argument);

/* PHASE_OPENING: hands the socket over, then PHASE_TLS; false when that waits
 * for its turn. Without tls it is the end. */
bool
encryption_begin(struct conversation *conversation);

/* What tls knows stands first on the plain end: takes it. False when more
 * bytes are needed. */
bool
encryption_take_facts(struct conversation *conversation);

/* PHASE_PROXY: the header of a load balancer off the socket, exactly. False
 * when there is none: the connection is not served. */
bool
encryption_take_proxy(struct conversation *conversation);

#endif
