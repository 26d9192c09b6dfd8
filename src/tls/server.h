/* TLS as the server, for smtpd and login: the wire "tls-accept". */
#ifndef TLS_SERVER_H
#define TLS_SERVER_H

#include "serve/handover.h"
#include "serve/session.h"

/*
 * Takes both descriptors of the handover: the stranger's and one end of a
 * socket pair. After the handshake the other end of the pair gets a PROXY v2
 * header, then plain bytes; when the handshake fails it is closed.
 */
void
server_begin(struct lot *lot, struct handover *handover);

#endif
