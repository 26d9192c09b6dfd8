/*
 * The caller's side of auth-sasl (ARCHITECTURE.md 2.1), for the programs that
 * speak SASL with strangers: smtpd and login. An exchange holds no wire while
 * the stranger thinks: any wire of this process goes on with it, by its id,
 * which is unique in the process. So a parked session keeps struct sasl_call
 * and nothing else.
 *
 * Everything here is base64 as it stands on IMAP, POP3 and SMTP lines; nobody
 * but auth looks into it.
 */
#ifndef SERVE_SASL_CALL_H
#define SERVE_SASL_CALL_H

#include "base/arena.h"
#include "proto/proxy2.h"
#include "serve/wire.h"

enum {
	SASL_CALL_WAIT = 10000,		/* ms for one call, at most */
	SASL_CALL_RESPONSE_LIMIT = 12288,	/* base64 of one response (RFC 9051
						 * 7.6, RFC 4954 4) */
	SASL_CALL_TICKET_SIZE = 16,
};

/* One for the process. Locks inside. */
struct sasl_caller;

struct sasl_caller *
sasl_caller_new(struct lot *lot);
void
sasl_caller_free(struct sasl_caller **caller);

/*
 * Appends the mechanisms to offer on a connection, each with `before` in
 * front: those that auth announces, without those that send the password when
 * may_send_password is false, the -PLUS ones only where the connection has
 * a channel binding, and EXTERNAL only on Unix sockets. Asks auth the first time; while auth cannot be reached
 * and never was, nothing is offered.
 */
void
sasl_caller_offer(struct sasl_caller *caller, const struct proxy2 *facts,
	bool may_send_password, const char *before, struct buffer *out);

/* Would sasl_caller_offer name it? Any case. */
bool
sasl_caller_offers(struct sasl_caller *caller, const struct proxy2 *facts,
	bool may_send_password, struct span mechanism);

/* Forgets what auth announced; the next offer asks again. */
void
sasl_caller_refresh(struct sasl_caller *caller);

/* An exchange under way. Flat: part of parked sessions. */
struct sasl_call {
	uint32_t id;		/* 0: none */
};

struct sasl_call_start {
	struct span mechanism;
	const char *service;	/* "smtp", "submission", "imap", "pop3" */
	const struct proxy2 *facts;
	bool has_response;	/* an initial response, perhaps an empty one */
	struct span response;	/* base64 */
};

enum sasl_call_verdict {
	SASL_CALL_CONTINUE,	/* send .challenge, await a response */
	SASL_CALL_OK,		/* logged in */
	SASL_CALL_FAILED,	/* no: wrong password, no such user, ... */
	SASL_CALL_LATER,	/* auth is away or busy: nothing was judged */
};

/* Spans live in the arena of the call. */
struct sasl_call_answer {
	struct span challenge;	/* base64. With OK: last data that the client must
				 * see before it is told (and answers with an empty
				 * response), when has_challenge */
	bool has_challenge;
	char user[256];		/* OK: address of the account */
	uint64_t account;
	bool has_ticket;
	uint8_t ticket[SASL_CALL_TICKET_SIZE];
	int64_t delay;		/* FAILED: keep the reply back for so many ms,
				 * parked */
	struct span reason;	/* FAILED, LATER: a sentence, may be empty */
	struct span code;	/* "authorization", "limit", ...; may be empty */
};

/*
 * Both block at most SASL_CALL_WAIT.
 * call->id is 0 afterwards unless the verdict is CONTINUE.
 */
enum sasl_call_verdict
sasl_call_begin(struct sasl_caller *caller, struct sasl_call *call,
	const struct sasl_call_start *start, struct arena *arena,
	struct sasl_call_answer *answer);
enum sasl_call_verdict
sasl_call_continue(struct sasl_caller *caller, struct sasl_call *call,
	struct span response, struct arena *arena,
	struct sasl_call_answer *answer);

/* Is it base64, as any response must be? Others are the client's mistake and
 * not for auth. */
bool
sasl_call_is_response(struct span text);

/*
 * PLAIN in one step, for USER/PASS and LOGIN: makes the message from name and
 * password and begins. Never CONTINUE.
 */
enum sasl_call_verdict
sasl_call_plain(struct sasl_caller *caller, const char *service,
	const struct proxy2 *facts, struct span name, struct span password,
	struct arena *arena, struct sasl_call_answer *answer);

/* The client gave up or is gone. Best effort; id becomes 0. */
void
sasl_call_cancel(struct sasl_caller *caller, struct sasl_call *call);

#endif
