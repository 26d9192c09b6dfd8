/*
 * A message for a server that takes 7-bit lines only (no 8BITMIME, RFC 6152 3;
 * no BINARYMIME, RFC 3030 3): parts that are more than that are encoded anew,
 * text as quoted-printable, all else as base64 (RFC 2045 6). Bodies stay what
 * they are to a reader; a signature over their bytes does not.
 */
#ifndef RELAY_DOWNGRADE_H
#define RELAY_DOWNGRADE_H

#include "serve/mail_body.h"

enum downgrade_verdict {
	DOWNGRADE_DONE,
	DOWNGRADE_IMPOSSIBLE,	/* 8-bit header fields, or a type that may not
				 * be encoded (RFC 2046 5.2) */
	DOWNGRADE_FAILED,	/* reading or writing */
};

/* *to is empty, and the caller's to end whatever the verdict. */
enum downgrade_verdict
downgrade(const struct mail_body *from, struct mail_body *to,
	struct error *error);

/* ---- parts, for the tests ---- */

/* Quoted-printable of the whole (RFC 2045 6.7): CRLF is a line end, a CR or LF
 * alone is encoded. */
void
downgrade_quote(struct span text, struct buffer *out);

/* Base64 in lines of 76; the last one is not ended. */
void
downgrade_encode(struct span bytes, struct buffer *out);

#endif
