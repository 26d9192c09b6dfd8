/*
 * Moves bytes between the TLS end and the plain end of one connection, without
 * ever blocking, and says what to wait for. Holds at most one record in each
 * direction, and only while the other side does not take it.
 */
#ifndef TLS_PUMP_H
#define TLS_PUMP_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

/* Bytes that one side has given and the other not yet taken. */
struct pump_held {
	char *bytes;		/* NULL: nothing */
	size_t start, size;
};

struct pump {
	SSL *ssl;
	int plain;
	struct pump_held to_plain, to_client;
	bool client_ended;	/* no more from the client */
	bool plain_ended;	/* no more from the process behind */
	bool is_broken;		/* close both */
	/* EPOLLIN and EPOLLOUT to wait for, after pump_run. */
	unsigned client_interest, plain_interest;
};

void
pump_run(struct pump *pump);

/* Everything was passed on in both directions, or nothing more can be. */
bool
pump_is_done(const struct pump *pump);

void
pump_fini(struct pump *pump);

#endif
