/*
 * A client that has not logged in yet: its connection, where it stands, and the
 * loop that executes what it sends. What is different in IMAP and POP3 is
 * struct protocol. While it is quiet a client is this struct and what it has
 * sent of a command; no thread and no buffers.
 */
#ifndef LOGIN_CLIENT_H
#define LOGIN_CLIENT_H

#include "base/log.h"
#include "login/login.h"
#include "login/reply.h"
#include "proto/imap_frame.h"
#include "proto/line.h"
#include "serve/handover.h"
#include "serve/listener.h"
#include "serve/stream.h"

enum client_phase {
	CLIENT_PROXY,		/* a load balancer's header comes */
	CLIENT_OPENING,		/* TLS comes first, when it is its turn */
	CLIENT_TLS,		/* tls shakes hands; its header comes */
	CLIENT_COMMAND,
	CLIENT_SASL,		/* a response to a challenge comes */
	CLIENT_PENALTY,		/* a reply is kept back */
	CLIENT_DRAIN,		/* the last word is said */
};

struct client;

struct protocol {
	enum login_service service;
	const char *name;		/* as auth knows it */
	void (*greet)(struct client *client);
	/* Executes the next whole command; false when there is none yet. */
	bool (*next)(struct client *client);
};

extern const struct protocol protocol_imap, protocol_pop3;

struct client {
	struct session session;		/* first */
	struct stream stream;
	struct login *login;
	const struct login_rules *rules;
	const struct protocol *protocol;
	struct buffer in;		/* read and not executed; from in_start */
	size_t in_start;
	enum client_phase phase;
	bool is_tls_first;		/* a port with TLS from the start */
	bool is_counted;		/* in limits */
	bool is_leaving;		/* nothing more is executed */
	bool is_skipping;		/* the rest of a line that is too long */
	bool is_writing;		/* parked until it reads */
	bool is_in_line;		/* what it said last waits for its turn */
	bool is_utf8;			/* POP3: UTF8 was said (RFC 6856 2.1) */
	const char *end;		/* why it ended, for the log */
	unsigned bad, failures;
	int64_t began, release;		/* release: end of the penalty */
	enum reply pending;		/* said when the penalty is over */
	struct log_scope scope;
	struct proxy2 facts;
	struct sasl_call sasl;
	struct turn turn;		/* at a turnstile of login's */
	bool is_sasl_over;		/* only the last response is missing */
	uint64_t account;		/* 0: not logged in */
	uint8_t ticket[HANDOVER_TICKET_SIZE];
	char user[256];			/* POP3: said by USER; else who logged in */
	char tag[HANDOVER_TAG_SIZE];	/* IMAP: of the command */
	struct imap_frame frame;	/* IMAP */
	bool has_command;		/* IMAP: .frame is a whole one */
};

/* Makes a client of an accepted connection and gives it to the lot. */
void
client_accept(struct login *login, const struct protocol *protocol,
	bool is_tls_first, struct incoming *incoming);

/* ---- for the commands ---- */

struct span
client_unread(const struct client *client);
void
client_consume(struct client *client, size_t n);

/*
 * The next line off what is unread; false when it is not whole. A line that is
 * longer than `limit` is thrown away: then *is_too_long.
 */
bool
client_next_line(struct client *client, size_t limit, struct span *line,
	bool *is_too_long);

/* A row of reply.h. "* BYE" rows do not end the session by themselves. */
void
client_reply(struct client *client, enum reply reply);

void
client_print(struct client *client, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* As client_reply for what is no command; too many of them end it. */
void
client_bad(struct client *client, enum reply reply);

/* Nothing more is read; `why` is for the log. */
void
client_leave(struct client *client, const char *why);

/* Goes on with another descriptor in place of the old, which is closed if it is
 * still there; takes *fd. */
void
client_change_socket(struct client *client, int *fd);

#endif
