/*
 * The server's side of the inner mail wires: SMTP into the queue, LMTP into a
 * mailbox process (RFC 5321, RFC 2033) with PIPELINING, CHUNKING, BINARYMIME,
 * SMTPUTF8, DSN and XPOSTHOUSE (ARCHITECTURE.md 2.4). It collects whole
 * transactions and gives each to the program, which answers it. The other end
 * is a process of ours: addresses and bytes were judged where strangers come
 * in, and what arrives is bounded here, not judged again.
 */
#ifndef SERVE_MAIL_SERVER_H
#define SERVE_MAIL_SERVER_H

#include <stdatomic.h>

#include "base/log.h"
#include "proto/smtp_reply.h"
#include "serve/listener.h"
#include "serve/mail_body.h"

enum {
	MAIL_SERVER_RECIPIENT_LIMIT = 20000,	/* of one transaction; 452 above */
	MAIL_SERVER_ARENA_LIMIT = 16 << 20,	/* bytes of its commands; 452 above */
	MAIL_SERVER_PREFIX_ROOM = 65536,	/* octets above message_size_limit, for
					 * the fields that we put in front */
	MAIL_SERVER_PATIENCE = 300000,	/* ms for the next bytes inside one */
};

struct mail_recipient {
	struct smtp_rcpt rcpt;
	struct span address;		/* forward-path as text */
};

/* Everything lives until the answer is given. */
struct mail_transaction {
	struct arena arena;
	struct smtp_mail mail;
	struct span sender;		/* reverse-path as text; empty: <> */
	struct mail_recipient *recipient;	/* those that were accepted */
	size_t count, room;
	struct mail_body body;
	struct log_scope scope;		/* trace and session of the envelope */
};

/* A program's use of it; constant while sessions run. */
struct mail_server {
	bool is_lmtp;
	const char *hostname;
	_Atomic uint64_t size_limit;	/* 0: none; a reload changes it */
	int spill;			/* directory for bodies; -1: memory only */
	/* What RCPT is answered (RECIPIENT_OK accepts it). NULL: all accepted.
	 * Must not block. */
	enum smtp_reply (*recipient)(const struct mail_server *server,
		const struct mail_recipient *recipient);
	/*
	 * The message is complete: appends one reply to *replies, or with
	 * is_lmtp one for each recipient in order. On a worker; may block
	 * within deadlines of its own.
	 */
	void (*deliver)(const struct mail_server *server,
		struct mail_transaction *transaction, struct buffer *replies);
	void *context;
};

/* Makes a session of a wire and gives it to the lot. Takes incoming->fd. */
void
mail_server_accept(struct lot *lot, struct incoming *incoming,
	const struct mail_server *server);

#endif
