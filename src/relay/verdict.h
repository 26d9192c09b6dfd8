/*
 * What became of a recipient: delivered, later or never, and the sentence that
 * its sender reads in a report. Other servers' words are kept, cleaned and cut.
 */
#ifndef RELAY_VERDICT_H
#define RELAY_VERDICT_H

#include "base/arena.h"
#include "proto/smtp_reply.h"

enum { VERDICT_TEXT_LIMIT = 400 };	/* bytes of another server's words */

struct verdict {
	unsigned code;		/* 2xx, 4xx, 5xx; 0: none yet */
	unsigned status[3];	/* RFC 3463; its class is that of code */
	struct span text;	/* in the arena; printable ASCII */
};

/* status as "4.4.1". */
void
verdict_set(struct verdict *verdict, struct arena *arena, unsigned code,
	const char *status, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/*
 * "host NAME[ADDRESS] said: 550 5.1.1 ... (in reply to RCPT TO)". An answer
 * that is neither yes nor no where one of them belongs (3xx) is later. A code
 * without enhanced status, or with one of another class, has X.0.0.
 */
void
verdict_from_answer(struct verdict *verdict, struct arena *arena,
	struct span host, const struct smtp_answer *answer,
	const char *in_reply_to);

/* The other server's words alone: code and text of all lines, one line. */
struct span
verdict_words(struct arena *arena, const struct smtp_answer *answer);

/* As a reply line of LMTP, with CRLF. */
void
verdict_add(struct buffer *out, const struct verdict *verdict);

#endif
