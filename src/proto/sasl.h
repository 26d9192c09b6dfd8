/*
 * Messages of SASL mechanisms (RFC 4422), decoded from base64 already: PLAIN
 * (RFC 4616), EXTERNAL (RFC 4422 A), and the server's side of SCRAM-SHA-256 and
 * SCRAM-SHA-256-PLUS (RFC 5802, 7677). What is computed with them is proto/scram.h.
 */
#ifndef PROTO_SASL_H
#define PROTO_SASL_H

#include "base/arena.h"
#include "base/buffer.h"

enum {
	SASL_NAME_LIMIT = 320,		/* authcid, authzid; more than an address */
	SASL_MESSAGE_LIMIT = 9216,	/* any message, decoded */
	SASL_NONCE_LIMIT = 512,		/* of the client */
	SASL_BINDING_LIMIT = 1024,	/* channel binding data with its header */
	SCRAM_HASH_SIZE = 32,
};

/* ---- mechanisms ---- */

enum sasl_mechanism {
	SASL_SCRAM_SHA_256_PLUS, SASL_SCRAM_SHA_256, SASL_PLAIN, SASL_LOGIN,
	SASL_EXTERNAL, SASL_MECHANISM_COUNT
};

/* "SCRAM-SHA-256"; in the order in which they are offered. */
const char *
sasl_mechanism_name(enum sasl_mechanism mechanism);

/* Any case. False when there is no such mechanism here. */
bool
sasl_mechanism_find(struct span name, enum sasl_mechanism *mechanism);

/* ---- PLAIN ---- */

struct sasl_plain {
	struct span authzid;	/* empty: the same as authcid */
	struct span authcid, password;
};

/* Spans point into the message. False when it is not such a message. */
bool
sasl_parse_plain(struct span message, struct sasl_plain *plain);

/* A name or password of LOGIN, which has one a message. */
bool
sasl_is_name(struct span name);
bool
sasl_is_password(struct span password);

/* EXTERNAL (RFC 4422 A.1): an authorization identity, or nothing. */
bool
sasl_is_external(struct span message);

/* ---- SCRAM ---- */

enum scram_binding {
	SCRAM_BINDING_NONE,	/* "n": the client cannot */
	SCRAM_BINDING_UNUSED,	/* "y": it can, and believes that we cannot */
	SCRAM_BINDING_USED,	/* "p=name" */
};

struct scram_client_first {
	enum scram_binding binding;
	struct span binding_name;	/* "tls-exporter" */
	struct span authzid;		/* decoded; empty when there is none */
	struct span name;		/* decoded */
	struct span nonce;
	struct span header;		/* gs2-header, as sent */
	struct span bare;		/* client-first-message-bare, as sent */
};

enum scram_verdict {
	SCRAM_OK,
	SCRAM_BAD,		/* not such a message */
	SCRAM_EXTENSION,	/* a mandatory extension that nobody knows */
};

/* Spans point into the message or the arena. */
enum scram_verdict
scram_parse_client_first(struct span message, struct arena *arena,
	struct scram_client_first *first);

/* server-first-message: the nonce is the client's and ours joined. */
void
scram_add_server_first(struct buffer *out, struct span client_nonce,
	struct span server_nonce, struct span salt, uint32_t iterations);

struct scram_client_final {
	struct span binding;		/* decoded cbind-input, in the arena */
	struct span nonce;
	uint8_t proof[SCRAM_HASH_SIZE];
	struct span without_proof;	/* as sent, for the AuthMessage */
};

enum scram_verdict
scram_parse_client_final(struct span message, struct arena *arena,
	struct scram_client_final *final);

/* "v=..." */
void
scram_add_server_final(struct buffer *out,
	const uint8_t signature[SCRAM_HASH_SIZE]);

#endif
