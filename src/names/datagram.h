/*
 * Questions by UDP: many are read at a time and answered at a time (recvmmsg,
 * sendmmsg); each answer leaves from the address that was asked.
 */
#ifndef NAMES_DATAGRAM_H
#define NAMES_DATAGRAM_H

#include "names/front.h"
#include "serve/listener.h"

enum {
	DATAGRAM_BATCH = 32,		/* read at a time */
	DATAGRAM_TURNS = 16,		/* batches before others have a turn */
	DATAGRAM_LIMIT = 4096,		/* octets of a question */
	DATAGRAM_PLACES = 64,		/* sockets */
};

/* A socket that master opened; one that is served already is closed. */
void
datagram_accept(struct lot *lot, struct incoming *incoming);

/* One of the loopback, of programs of this machine; takes the fd. */
void
datagram_serve_loopback(struct lot *lot, int *fd);
#endif
