/* TLS as the client, for relay: the wire "tls-connect" (proto/tlswire.h). */
#ifndef TLS_CLIENT_H
#define TLS_CLIENT_H

#include "serve/handover.h"
#include "serve/session.h"

/*
 * Takes both descriptors of the handover: the connected socket and one end of
 * a socket pair. The request is its unread part. The other end of the pair
 * gets the facts; then plain bytes, or its end when the handshake failed.
 */
void
client_begin(struct lot *lot, struct handover *handover);

#endif
