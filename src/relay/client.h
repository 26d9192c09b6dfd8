/*
 * One SMTP connection to another server, the client's side: greeting, EHLO,
 * STARTTLS, AUTH; transactions are transaction.h. Straight down: each call
 * writes a command and waits for its answer within the timeout that RFC 5321
 * 4.5.3.2 gives it. Whatever the server says, an answer has at most
 * SMTP_ANSWER_LIMIT bytes and comes within that time, or the connection is
 * broken.
 */
#ifndef RELAY_CLIENT_H
#define RELAY_CLIENT_H

#include "proto/sasl.h"
#include "relay/parameters.h"
#include "relay/verdict.h"
#include "serve/stream.h"

enum client_extension {
	CLIENT_PIPELINING = 1 << 0,	/* RFC 2920 */
	CLIENT_8BITMIME = 1 << 1,	/* RFC 6152 */
	CLIENT_CHUNKING = 1 << 2,	/* RFC 3030 */
	CLIENT_BINARYMIME = 1 << 3,	/* RFC 3030 */
	CLIENT_SIZE = 1 << 4,		/* RFC 1870 */
	CLIENT_SMTPUTF8 = 1 << 5,	/* RFC 6531 */
	CLIENT_DSN = 1 << 6,		/* RFC 3461 */
	CLIENT_STARTTLS = 1 << 7,	/* RFC 3207 */
	CLIENT_REQUIRETLS = 1 << 8,	/* RFC 8689 */
	CLIENT_AUTH = 1 << 9,		/* RFC 4954 */
};

enum { CLIENT_HOST_SIZE = 320, CLIENT_TLS_SIZE = 64 };

struct client {
	struct stream stream;
	const struct parameters *settings;	/* those it was opened with */
	char host[CLIENT_HOST_SIZE];		/* "NAME[ADDRESS]" */
	char tls[CLIENT_TLS_SIZE];		/* "TLSv1.3 dane"; "" without */
	unsigned extensions;
	unsigned mechanisms;		/* bits of enum sasl_mechanism */
	uint64_t size_limit;		/* of SIZE; 0: not said */
	bool is_local;			/* the server is on this machine */
	bool needs_rset;		/* a transaction was begun and given up */
	bool is_broken;			/* closed, silent, or not speaking SMTP */
	unsigned used;			/* transactions */
	int64_t opened;			/* monotonic ms */
	int64_t until;			/* when the delivery that uses it must be over;
					 * no timeout reaches beyond */
	/* The last answer; its spans are borrowed until the next read. */
	struct smtp_answer answer;
	char trouble[160];		/* why it is broken: "it closed ..." */
};

/* How an exchange ended. */
enum client_result {
	CLIENT_OK,		/* 2xx or 3xx, in .answer */
	CLIENT_REFUSED,		/* 4xx or 5xx, in .answer */
	CLIENT_BROKEN,		/* no answer; .trouble says why */
};

/* Takes the connected socket. `host` is NAME[ADDRESS], cut when too long. */
struct client *
client_new(int *fd, struct span host, const struct parameters *settings);

/* Closes, without QUIT. */
void
client_free(struct client **client);

/* The server speaks first (RFC 5321 4.3.1). */
enum client_result
client_await_greeting(struct client *client);

/* EHLO, or HELO where that is not known. Fills what the server offers. */
enum client_result
client_say_hello(struct client *client);

/*
 * STARTTLS up to the answer. After CLIENT_OK the socket belongs to TLS:
 * client_take_socket gives it, client_set_socket the plain end, and EHLO
 * follows (RFC 3207 4.2). Bytes behind the answer make it broken.
 */
enum client_result
client_start_tls(struct client *client);
int
client_take_socket(struct client *client);
void
client_set_socket(struct client *client, int *fd);

/*
 * Logs in with the best mechanism that both know: SCRAM-SHA-256 (RFC 7677),
 * PLAIN (RFC 4616), LOGIN. CLIENT_REFUSED with answer.code 0: the server
 * offers none that may be used: PLAIN and LOGIN only within TLS or on this
 * machine.
 */
enum client_result
client_log_in(struct client *client, struct span name, struct span password);

/* QUIT, and no waiting for what it says to that. */
void
client_quit(struct client *client);

/* ---- for the dialogue ---- */

/* Now and the timeout, but not beyond .until. */
int64_t
client_deadline(const struct client *client, int64_t timeout);

/* Writes what was collected. False: broken. */
bool
client_send(struct client *client, int64_t timeout);

/* The next answer. */
enum client_result
client_read(struct client *client, int64_t timeout);

/* One line (without CRLF) and its answer. */
enum client_result
client_ask(struct client *client, struct span line, int64_t timeout);

/* Notes a failure of the connection; returns CLIENT_BROKEN. */
enum client_result
client_fail(struct client *client, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
