/*
 * One SMTP or LMTP connection: its state, and the loop that frames units and
 * executes them. The commands are in the files that transaction.h, content.h
 * and so on announce; each is one function, straight down.
 *
 * A unit that must wait for its turn at a callee is left unread, and executed
 * from its beginning when the turn has come.
 *
 * What a conversation knows is struct smtp_parked, flat and versioned, so that
 * a successor of this process could take it over together with the bytes not
 * yet read. Outside of a mail transaction there is nothing else.
 */
#ifndef SMTPD_CONVERSATION_H
#define SMTPD_CONVERSATION_H

#include "base/log.h"
#include "proto/smtp_reply.h"
#include "smtpd/smtpd.h"
#include "serve/turnstile.h"

enum {
	CONVERSATION_VERSION = 1,
	CONVERSATION_HELLO_SIZE = 256,	/* RFC 5321 4.5.3.1.2, and a NUL */
	CONVERSATION_USER_SIZE = 256,
	CONVERSATION_OUT_LIMIT = 32768,	/* replies not yet taken, in octets */
	CONVERSATION_REFUSALS = 20,	/* of one connection that are logged */
	CONVERSATION_TURN = 64,		/* reads before others have their turn */
	CONVERSATION_TLS_WAIT = 60000,	/* ms for a TLS handshake */
	CONVERSATION_PROXY_WAIT = 10000,	/* ms for a PROXY header */
	CONVERSATION_DRAIN = 3000,	/* ms to read on after the last word */
};

enum smtp_service {
	SERVICE_SMTP, SERVICE_SUBMISSION, SERVICE_SUBMISSIONS, SERVICE_LMTP
};

enum phase {
	PHASE_PROXY,		/* a PROXY header of a load balancer comes first */
	PHASE_OPENING,		/* TLS comes first, when it is its turn */
	PHASE_TLS,		/* tls is at work; its header comes first */
	PHASE_COMMAND,
	PHASE_SASL,		/* a line of a SASL exchange is awaited */
	PHASE_PENALTY,		/* .pending is said when .release has come */
	PHASE_DATA,
	PHASE_CHUNK,
	PHASE_FINISH,		/* content is whole and goes to the queue */
	PHASE_DRAIN,		/* the last word is said; the rest is thrown away */
};

/* Why a conversation ended, for the log. */
#define CONVERSATION_END_LIST(X) \
	X(GONE, "client-gone") X(QUIT, "quit") X(IDLE, "idle") \
	X(SESSION_TIME, "session-time") X(TRANSACTION_TIME, "transaction-time") \
	X(ERRORS, "errors") X(LIMIT, "limit") X(STOP, "stop") \
	X(LOST, "out-of-step") X(HTTP, "http") X(TLS, "tls-failed") \
	X(PROXY, "no-proxy-header") X(BROKEN, "write-failed")

enum conversation_end {
#define CONVERSATION_END_ENUM(name, text) END_##name,
	CONVERSATION_END_LIST(CONVERSATION_END_ENUM)
#undef CONVERSATION_END_ENUM
};

struct smtp_parked {
	uint32_t version;
	uint8_t service, phase;
	bool is_trusted;	/* in mynetworks */
	bool is_counted;	/* in the limit table */
	bool has_hello, is_extended;	/* EHLO or LHLO, not HELO */
	bool is_skipping;	/* the rest of a line that is too long */
	bool sasl_is_over;	/* auth said OK; an empty response is awaited */
	bool is_leaving;	/* close when all is written */
	bool is_draining;	/* read on for a moment before that */
	uint8_t end;		/* enum conversation_end */
	uint16_t pending;	/* enum smtp_reply, PHASE_PENALTY */
	uint32_t errors, refusals, commands, messages, recipients;
	int64_t began, release;	/* monotonic ms */
	int64_t transaction_end;	/* when an open transaction must be over */
	uint64_t account;	/* logged in; 0: not */
	uint64_t size;		/* of all messages accepted */
	char user[CONVERSATION_USER_SIZE];
	char hello[CONVERSATION_HELLO_SIZE];
	struct log_scope scope;	/* trace is empty outside of transactions */
	struct proxy2 facts;
	struct sasl_call sasl;
	/* BDAT: what is left of the chunk, and whether it is thrown away. */
	struct smtp_bdat chunk;
	uint64_t chunk_size;	/* as it was announced */
	bool is_chunk_refused;
	/* The last message, until the client shows that it saw the reply. */
	struct unanswered_list unanswered;
	uint16_t chunk_refusal;	/* enum smtp_reply */
};

struct transaction;

struct conversation {
	struct session session;		/* first */
	struct stream stream;
	struct smtpd *smtpd;
	const struct rules *rules;	/* those it began under */
	struct transaction *transaction;	/* NULL: MAIL was not said */
	bool is_writing;		/* parked until replies are taken */
	struct turn turn;		/* its place in a line before a callee */
	struct smtp_parked parked;
};

/* Takes incoming->fd. */
void
conversation_begin(struct smtpd *smtpd, enum smtp_service service,
	struct incoming *incoming);

/* Adds a reply. One of 5xx counts as an error; too many end it all. */
void
conversation_reply(struct conversation *conversation, enum smtp_reply reply,
	struct span detail);
void
conversation_say(struct conversation *conversation, enum smtp_reply reply);

/* The last word was added: no further unit is read. With drain, what the
 * client still sends is read for a moment so that it sees that word. */
void
conversation_leave(struct conversation *conversation,
	enum conversation_end reason, bool drain);

/* The connection is another socket from now on; takes *fd. */
void
conversation_change_socket(struct conversation *conversation, int *fd);

/* Forgets hello, login and transaction, as after TLS begins (RFC 3207 4.2). */
void
conversation_reset(struct conversation *conversation);

bool
conversation_is_submission(const struct conversation *conversation);

#endif
