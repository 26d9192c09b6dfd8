/*
 * Reports about delivery: multipart/report of a text for people, the machine's
 * part, and the message or its header.
 *
 *	RFC 6522 multipart/report	3464 delivery-status	3461 6 contents
 *	RFC 6533 where addresses beyond ASCII are reported
 *
 * Pure: what is written depends on the arguments alone. What strangers said
 * (replies, addresses) makes no second line anywhere.
 */
#ifndef PROTO_DSN_H
#define PROTO_DSN_H

#include "base/buffer.h"

enum dsn_action {
	DSN_FAILED, DSN_DELAYED, DSN_DELIVERED, DSN_RELAYED, DSN_EXPANDED,
	DSN_ACTIONS
};

enum dsn_language { DSN_ENGLISH, DSN_CHINESE };

enum dsn_return {
	DSN_RETURN_HEADER,	/* text/rfc822-headers, message/global-headers */
	DSN_RETURN_WHOLE,	/* message/rfc822, message/global */
};

struct dsn_recipient {
	enum dsn_action action;
	struct span original;	/* ORCPT as given ("rfc822;xtext"), or empty */
	struct span final;	/* the address it was delivered to */
	unsigned code;		/* of the reply; 0: none */
	struct span status;	/* "5.1.1"; empty: made of the action */
	struct span text;	/* the reply, for people */
	struct span diagnostic;	/* what the host said, code and all; empty: made
				 * of the three above */
	struct span host;	/* who said it; empty: we did */
	int64_t last_attempt;	/* seconds; 0: none */
};

struct dsn_report {
	enum dsn_language language;
	struct span host;	/* reporting MTA: our own name */
	struct span domain;	/* of the report's own From and Message-ID */
	struct span to;		/* the sender of the message */
	struct span id;		/* unique: Message-ID and boundary; no quotes */
	int64_t date, arrival;	/* seconds */
	int64_t retry_until;	/* DSN_DELAYED; seconds */
	struct span envid;	/* as given (xtext), or empty */
	struct span trace;	/* our id of the message */
	bool is_double;		/* to postmaster, about a report */
	bool is_utf8;		/* RFC 6533: SMTPUTF8 will be used */
	bool is_8bit;		/* the message has bytes beyond ASCII */
	enum dsn_return returned;
	const struct dsn_recipient *recipient;
	size_t count;		/* at least 1 */
};

/* The report up to the message (or header), which is put behind it. */
void
dsn_add_head(struct buffer *out, const struct dsn_report *report);
/* What closes it. */
void
dsn_add_tail(struct buffer *out, const struct dsn_report *report);

/* The header of a message: up to the empty line, which is not in it. */
struct span
dsn_header(struct span message);

#endif
