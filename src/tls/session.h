/*
 * One TLS connection: handshake, then pumping. Which end of TLS we are is the
 * affair of the two sides, server.h and client.h.
 */
#ifndef TLS_SESSION_H
#define TLS_SESSION_H

#include <openssl/ssl.h>

#include "base/log.h"
#include "serve/session.h"
#include "serve/turnstile.h"

struct handshake;

/* What a side does at the end of a handshake. None of it waits. */
struct handshake_side {
	/* It is done: the first bytes on the plain end. False when the process
	 * behind is gone. */
	bool (*tell)(struct handshake *handshake, SSL *ssl, int plain);
	/* It is not, and both ends will be closed. `what` is for a person; what
	 * OpenSSL noted is still in its queue of errors. */
	void (*fail)(struct handshake *handshake, SSL *ssl, int plain,
		const char *what);
};

/* What only the handshake needs; first member of a side's own struct, which
 * is one piece of memory. Gone after the handshake. */
struct handshake {
	const struct handshake_side *side;
	struct log_scope scope;
	struct turnstile *turnstile;	/* each step needs a place in it; or NULL */
	struct turn turn;
};

struct tls_beginning {
	SSL *ssl;			/* its state set, without descriptor */
	int *stranger, *plain;		/* taken; non-blocking */
	struct handshake *handshake;
	int64_t deadline;		/* monotonic ms, of the handshake */
};

/* Takes all of it; on failure everything is closed, and that is all. */
void
tls_session_begin(struct lot *lot, struct tls_beginning *beginning);

#endif
