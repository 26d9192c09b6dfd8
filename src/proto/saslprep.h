/*
 * Passwords before they are hashed: SASLprep (RFC 4013), because SCRAM clients
 * do the same before they compute (RFC 5802 2.2). Unassigned code points pass,
 * as in a query (RFC 3454 7), so that characters younger than Unicode 3.2 can
 * stand in a password. What SASLprep refuses for its direction alone (RFC 3454
 * 6: a Hebrew word and a digit) is prepared as an OpaqueString of PRECIS
 * (RFC 8265 4.2), which asks nothing of directions.
 */
#ifndef PROTO_SASLPREP_H
#define PROTO_SASLPREP_H

#include "base/buffer.h"

enum { SASLPREP_PASSWORD_LIMIT = 1024 };	/* bytes, before preparation */

enum saslprep_verdict {
	SASLPREP_OK,
	SASLPREP_EMPTY,		/* nothing is left of it */
	SASLPREP_TOO_LONG,
	SASLPREP_NOT_UTF8,
	SASLPREP_PROHIBITED,	/* a control character or the like */
};

/* Appends the prepared form; nothing is appended with other verdicts. */
enum saslprep_verdict
saslprep_password(struct span password, struct buffer *out);

#endif
