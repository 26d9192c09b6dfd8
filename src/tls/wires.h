/*
 * The wires on which connections are handed over: "tls-accept" for the server,
 * "tls-connect" for the client. One message is one connection.
 */
#ifndef TLS_WIRES_H
#define TLS_WIRES_H

#include "serve/listener.h"

void
wires_accept_server(struct lot *lot, struct incoming *incoming);

void
wires_accept_client(struct lot *lot, struct incoming *incoming);

#endif
