/*
 * One delivery to a next hop, or to a program: LMTP (RFC 2033) to the relay, which answers for
 * each recipient when the other side has (ARCHITECTURE.md 2.4). That may take
 * minutes, and there may be hundreds, so no thread waits: relay_call_go does
 * what can be done now and says what to wait for.
 */
#ifndef QUEUE_RELAY_CALL_H
#define QUEUE_RELAY_CALL_H

#include "queue/envelope.h"
#include "serve/mail_body.h"
#include "serve/wire.h"

enum relay_call_stage {
	RELAY_CALL_GREETING, RELAY_CALL_HELLO, RELAY_CALL_MAIL,
	RELAY_CALL_RCPT, RELAY_CALL_BODY, RELAY_CALL_ENDED,
};

/* The caller fills the first five; everything lives as long as the call. */
struct relay_call {
	const struct envelope *envelope;
	const struct mail_body *body;
	struct span hop;		/* empty: to pipe */
	struct recipient **recipient;	/* of one hop */
	size_t count;
	struct arena *arena;		/* for the texts of replies */
	/* the rest is the call's own */
	struct wire *wire;
	enum relay_call_stage stage;
	bool is_broken;			/* the wire is not to be used again */
	size_t index, accepted;		/* replies read */
	struct span lines;		/* of a reply of 251, all, in the arena */
	uint64_t sent;			/* of the body */
	size_t out_at;			/* of what is to be written */
};

enum relay_call_state {
	RELAY_CALL_READ, RELAY_CALL_WRITE,	/* wait for that, then go on */
	RELAY_CALL_DONE,
};

/* On a wire of "relay-lmtp", which is taken (NULL is left). */
void
relay_call_begin(struct relay_call *call, struct wire **wire);

/*
 * Goes on; never blocks. When DONE each recipient has a reply, and the wire is
 * given back with relay_call_end.
 */
enum relay_call_state
relay_call_go(struct relay_call *call);

/* Gives up: those without a reply get 451 with this sentence. DONE then; the
 * wire is still the call's, so that who watches it can stop first. */
void
relay_call_fail(struct relay_call *call, const char *text);

/* Puts the wire back into its pool, or closes it. */
void
relay_call_end(struct relay_call *call);

/*
 * What the replies say about the destination. "451 4.4.1", "4.4.3" or "4.7.x"
 * of relay itself (not "host NAME said:") for all recipients: nobody is there.
 */
enum relay_news { RELAY_NEWS_NONE, RELAY_NEWS_GOOD, RELAY_NEWS_BUSY,
	RELAY_NEWS_DEAD };
enum relay_news
relay_call_news(struct recipient *const *recipient, size_t count);

#endif
