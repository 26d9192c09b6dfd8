/*
 * SASL exchanges (RFC 4422): what has been said so far between a client and
 * auth, and the next step. An exchange belongs to the process that relays it
 * (smtpd, login) and a number of that process's; which wire a step comes over
 * does not matter. Bounded: the ones longest without a step are forgotten.
 */
#ifndef AUTH_EXCHANGE_H
#define AUTH_EXCHANGE_H

#include "auth/auth.h"
#include "base/arena.h"
#include "proto/proxy2.h"

enum {
	EXCHANGE_LIMIT = 5000,		/* under way (at most twice) */
	EXCHANGE_LIFE = 300000,		/* ms between two steps */
	EXCHANGE_HASH_WAIT = 5000,	/* ms for a turn to hash */
};

struct exchanges *
exchanges_new(void);
void
exchanges_free(struct exchanges **exchanges);

/* Whose exchange it is. */
struct exchange_key {
	const char *caller;		/* "smtpd" */
	unsigned process;		/* pid */
	uint32_t id;
};

struct exchange_start {
	struct span mechanism;
	struct span service;		/* "imap" */
	struct proxy2 facts;		/* of the client's connection */
	bool has_response;
	struct span response;		/* decoded */
};

enum exchange_outcome { EXCHANGE_CONTINUE, EXCHANGE_OK, EXCHANGE_FAIL };

/* Spans live in the arena of the call, or for ever. */
struct exchange_result {
	enum exchange_outcome outcome;
	struct span challenge;		/* CONTINUE; with OK the last data */
	bool has_challenge;
	struct account account;		/* OK */
	char service[16];		/* OK */
	bool is_external;		/* OK: the kernel said who the client is */
	uint32_t peer;			/* then: its uid */
	bool is_temporary;		/* FAIL: nothing was judged */
	struct span user;		/* FAIL: the name given, if any */
	const char *reason, *code;	/* FAIL */
	int64_t delay;			/* FAIL, ms */
};

/* An exchange of the same key that was left is forgotten. */
void
exchange_begin(const struct exchange_key *key,
	const struct exchange_start *start, struct arena *arena,
	struct exchange_result *result);

/* `response` decoded. FAIL when there is no such exchange. */
void
exchange_continue(const struct exchange_key *key, struct span response,
	struct arena *arena, struct exchange_result *result);

void
exchange_cancel(const struct exchange_key *key);

#endif
