/*
 * Requests to an ACME server (RFC 8555 6), each signed by the account's key,
 * with nonces got and refused ones replaced. The server is a stranger: how much
 * it says, how often it is asked and how long it is waited for are bounded.
 */
#ifndef HOSTMASTER_ACME_CLIENT_H
#define HOSTMASTER_ACME_CLIENT_H

#include "base/error.h"
#include "trust/acme_read.h"
#include "trust/jws.h"

enum {
	ACME_REQUESTS = 1000,		/* of one attempt */
	ACME_NONCE_TRIES = 12,		/* of one request, RFC 8555 6.5 */
	ACME_REQUEST_TIMEOUT = 30000,	/* ms */
};

struct acme_client {
	struct arena *arena;		/* of the attempt */
	struct acme_directory directory;
	struct jws_key key;
	struct span account;		/* its URL; empty: the key is said itself */
	char nonce[JWS_NONCE_LIMIT + 1];	/* empty: none left */
	unsigned requests;		/* so far */
	/* Of the last failure: */
	struct acme_problem problem;	/* what the server called it */
	int64_t wait;			/* ms it asked for */
	bool is_ours;			/* the server has nothing to do with it */
};

struct acme_reply {
	struct span body, location;
	int64_t wait;			/* ms of Retry-After, or 0 */
};

/* Reads the directory. -1: no use going on; error says why. */
int
acme_client_open(struct acme_client *client, struct span url,
	struct error *error);

/*
 * Sends it; an empty payload is POST-as-GET (6.3). What the reply points to is
 * in `arena`. -1: there is none, or it is a problem document; error says so.
 */
int
acme_client_post(struct acme_client *client, struct span url,
	struct span payload, struct arena *arena, struct acme_reply *reply,
	struct error *error);

/* Without signature, for renewal information (RFC 9773 4.1). */
int
acme_client_get(struct acme_client *client, struct span url,
	struct arena *arena, struct acme_reply *reply, struct error *error);

/* A failure of the server's: the sentence for error, and nothing asked for. */
int
acme_client_fail(struct acme_client *client, struct error *error,
	const char *sentence);

#endif
