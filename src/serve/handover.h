/*
 * Handing a connection to another process: one SCM_RIGHTS message that holds
 * the descriptor, a PROXY v2 header with the addresses and TLS facts
 * (proto/proxy2.h), the ticket, and the bytes already read from it.
 *
 *	smtpd, login -> tls	service "tls-accept": fds are the stranger's
 *				socket and one end of a socket pair; tls writes a
 *				PROXY v2 header as the first bytes of the plain
 *				end when the handshake is done, and closes it
 *				when it failed
 *	login -> mailbox	service "mailbox-imap", "mailbox-pop3": fd is
 *				the plain connection, ticket and unread bytes set
 */
#ifndef SERVE_HANDOVER_H
#define SERVE_HANDOVER_H

#include "base/error.h"
#include "base/span.h"
#include "proto/proxy2.h"

enum {
	HANDOVER_TICKET_SIZE = 16,
	HANDOVER_UNREAD_LIMIT = 32768,
	HANDOVER_ROOM = HANDOVER_UNREAD_LIMIT + 2048,	/* for handover_receive */
	HANDOVER_TAG_SIZE = 64,
	HANDOVER_FDS = 2,
};

struct handover {
	int fds[HANDOVER_FDS];		/* -1 where there is none */
	struct proxy2 facts;
	uint8_t ticket[HANDOVER_TICKET_SIZE];
	char session[24];		/* session id, for the log */
	char tag[HANDOVER_TAG_SIZE];	/* of the IMAP command that logged in */

	struct span unread;		/* borrowed */
};

/* Sends within 2 s; the descriptors are closed on success and stay on failure
 * (the wire is to be dropped then). */
int
handover_send(int socket, struct handover *handover, struct error *error);

/*
 * Receives, when the socket is readable; descriptors are the caller's.
 * `unread` points into `room`, which holds at least HANDOVER_ROOM bytes. 0, or
 * -1: ERROR_GONE at the end of file, ERROR_DAMAGED when it is malformed,
 * ERROR_SYSTEM with .number EAGAIN when nothing is there. After any but EAGAIN
 * the wire is to be closed. Blocks at most 2 s, when half a message is there.
 */
int
handover_receive(int socket, struct handover *handover, void *room,
	size_t size, struct error *error);

#endif
