/*
 * SCRAM-SHA-256 as a client (RFC 5802 3 and 7, RFC 7677), without channel
 * binding: messages decoded from base64. What the server sends is a stranger's.
 */
#ifndef PROTO_SCRAM_CLIENT_H
#define PROTO_SCRAM_CLIENT_H

#include "proto/sasl.h"

enum {
	SCRAM_CLIENT_NONCE_SIZE = 24,		/* characters of ours */
	SCRAM_CLIENT_ITERATIONS_LEAST = 4096,	/* RFC 7677 4 */
	SCRAM_CLIENT_ITERATIONS_MOST = 1000000,	/* a second of work */
};

/* One exchange; everything lives in the arena. */
struct scram_client {
	struct arena *arena;
	struct span nonce, first_bare;
	uint8_t server_signature[SCRAM_HASH_SIZE];
};

/* client-first-message; the nonce is printable and without a comma. */
struct span
scram_client_first(struct scram_client *client, struct arena *arena,
	struct span name, struct span nonce);

/*
 * client-final-message with the proof, for server-first-message. False when
 * that is none, when its nonce is not ours continued, or when it asks for too
 * few or too many iterations. The password is prepared (saslprep.h). Costs
 * some milliseconds.
 */
bool
scram_client_final(struct scram_client *client, struct span server_first,
	struct span password, struct span *message);

/* server-final-message: does the server know the password, too? */
bool
scram_client_check(const struct scram_client *client,
	struct span server_final);

#endif
