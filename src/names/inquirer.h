/*
 * Who asks over a stream (RFC 7766): processes of ours on the wire names-dns,
 * programs of this machine on the Unix socket and the loopback port. Questions
 * may be pipelined and are answered as the answers come.
 */
#ifndef NAMES_INQUIRER_H
#define NAMES_INQUIRER_H

#include "names/resolver.h"
#include "serve/listener.h"

enum {
	INQUIRER_WIRE_QUESTIONS = 256,	/* under way for one; then it is not read */
	INQUIRER_QUESTIONS = 64,		/* the same for strangers */
	INQUIRER_CONNECTIONS = 64,	/* of strangers */
	INQUIRER_MESSAGE_LIMIT = 4096,	/* of a question */
	INQUIRER_IDLE = 30000,		/* ms, strangers only */
	INQUIRER_WRITE_WAIT = 10000,	/* ms for the other end to take answers */
};

/* Whom sessions ask. Before any of them. */
void
inquirer_init(struct resolver *resolver);

/* A session of a wire (with a caller) or of a local program; takes the fd. */
void
inquirer_accept(struct lot *lot, struct incoming *incoming);

#endif
