/*
 * One exchange, as the table (exchange.c) and the mechanisms (mechanism.c) see
 * it. Nobody else includes this.
 */
#ifndef AUTH_EXCHANGE_PRIVATE_H
#define AUTH_EXCHANGE_PRIVATE_H

#include "auth/exchange.h"

struct exchange {
	enum sasl_mechanism mechanism;
	unsigned stage;			/* responses taken so far */
	int64_t touched;		/* monotonic ms */
	struct proxy2 facts;
	char service[16];
	/* LOGIN: the name. SCRAM: the authorization identity. */
	struct buffer name;
	/* SCRAM */
	struct buffer written;		/* gs2-header, then the messages so far */
	size_t header_size;		/* of the gs2-header in it */
	size_t nonce_size;		/* of the server-first-message's, whose
					 * place is nonce_start */
	size_t nonce_start;
	const uint8_t *binding;		/* what the client must have bound to */
	size_t binding_size;
	struct buffer normalised;	/* authentication identity */
	bool exists;
	struct account account;
	struct scram_keys keys;		/* the account's, or made of the name */
};

/* Takes the client's next response. The outcome is in *result. */
void
mechanism_step(struct exchange *exchange, struct span response,
	struct arena *arena, struct exchange_result *result);

/* Before any response: asks for the first (an empty challenge, or LOGIN's). */
void
mechanism_ask(struct exchange *exchange, struct exchange_result *result);

void
exchange_fail(struct exchange_result *result, bool is_temporary,
	const char *code, const char *reason);

#endif
