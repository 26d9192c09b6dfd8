/*
 * The world around smtpd in one process: a supervisor that makes wires, and
 * behind them an auth, a queue and a tls that speak the wires' protocols. Tests
 * talk to smtpd over socket pairs, as clients with any address.
 *
 *	auth	knows everybody at example.test but "nobody...", "full..." is over
 *		quota, "later..." cannot be looked up. Account 1 (alice, password
 *		"secret") may send as alice@ and sales@example.test. SCRAM's
 *		arithmetic is not done: client-first "scram" (base64) leads to
 *		"server-first", anything then to "v=ok" as last data
 *	queue	keeps what it gets; refuses by a line "X-Queue: CODE ..." in
 *		the message
 *	tls	does no handshake: writes the facts and passes bytes on
 */
#ifndef WORLD_H
#define WORLD_H

#include "base/buffer.h"
#include "smtpd/smtpd.h"

enum world_fault {
	AUTH_AWAY = 1, QUEUE_AWAY = 2, TLS_AWAY = 4,
	QUEUE_HANGS_UP = 8,	/* after the next transaction, once */
	AUTH_HANGS_UP = 16,	/* after the next question, once */
	QUEUE_REFUSES_RCPT = 32,
	QUEUE_SLOW = 64, AUTH_SLOW = 128,	/* 10 ms for each answer */
	QUEUE_STOPPED = 256,	/* takes all and answers nothing */
};

/* Starts once; overrides are "name=value", NULL-terminated. */
struct smtpd *
world_begin(const char *const *overrides);
/* Ends the conversations of this smtpd. */
void
world_end(struct smtpd **smtpd);
/* At the end of the program. */
void
world_stop(void);

void
world_set_faults(unsigned faults);

/* Questions that auth-user was asked, and connections tls was given. */
unsigned
world_lookups(void);
/* Accounts changed: remembered answers are void. */
void
world_raise_generation(void);

/* What the queue took, or NULL: the commands with CRLF, and the content. */
struct world_message {
	struct buffer commands, content;
	struct world_message *next;
};
const struct world_message *
world_messages(unsigned *count);
void
world_forget_messages(void);

/* ---- a client ---- */

struct client {
	int fd;
	struct buffer in;
};

/* service as in etc/services; address NULL: a Unix socket. */
void
client_open(struct client *client, struct smtpd *smtpd, const char *service,
	const char *address);
void
client_close(struct client *client);

/* Does not wait for smtpd to read more than the socket holds: fails the test. */
void
client_send(struct client *client, struct span bytes);
void
client_send_line(struct client *client, const char *line);

/* The next reply, all its lines with CRLF; borrowed until the next call. Empty
 * at the end of the connection. Fails the test after some seconds. */
struct span
client_reply(struct client *client);

/* The reply must begin so. */
void
client_expect(struct client *client, const char *begins);

#endif
