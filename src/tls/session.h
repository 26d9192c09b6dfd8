/* One TLS connection: handshake, then pumping. */
#ifndef TLS_SESSION_H
#define TLS_SESSION_H

#include "serve/handover.h"
#include "serve/session.h"

/*
 * Takes both descriptors of the handover: the stranger's and one end of a
 * socket pair. After the handshake the other end of the pair gets a PROXY v2
 * header, then plain bytes; when the handshake fails it is closed.
 */
void
tls_session_begin(struct lot *lot, struct handover *handover);

#endif
