/*
 * Who asks over a stream (RFC 7766): processes of ours on the wire names-dns,
 * programs of this machine on the Unix socket and the loopback port, the world
 * on dns_port. Questions may be pipelined and are answered as the answers come.
 */
#ifndef NAMES_INQUIRER_H
#define NAMES_INQUIRER_H

#include "names/front.h"
#include "serve/listener.h"

enum {
	INQUIRER_WIRE_QUESTIONS = 256,	/* under way for one; then it is not read */
	INQUIRER_QUESTIONS = 64,		/* the same for strangers */
	INQUIRER_CONNECTIONS = 64,	/* of strangers */
	INQUIRER_MESSAGE_LIMIT = 4096,	/* of a question */
	INQUIRER_IDLE = 30000,		/* ms, strangers only */
	INQUIRER_WORLD = 512,		/* connections to dns_port, */
	INQUIRER_NETWORK = 32,		/* of one network (network_limit_key), */
	INQUIRER_WORLD_IDLE = 10000,	/* and ms */
	INQUIRER_ANSWERS = 65536,	/* octets that wait before no more is read */
	INQUIRER_WRITE_WAIT = 10000,	/* ms for the other end to take answers */
};

/* Before any session. */
void
inquirer_init(void);

/* A session of a wire (with a caller) or of a local program; takes the fd. */
void
inquirer_accept(struct lot *lot, struct incoming *incoming);

/* The same of anybody, on dns_port. */
/* The operator's way to what the world says, past our zones. */
void
inquirer_accept_past_zones(struct lot *lot, struct incoming *incoming);

void
inquirer_accept_world(struct lot *lot, struct incoming *incoming);

#endif
