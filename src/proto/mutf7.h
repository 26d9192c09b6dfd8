/*
 * Modified UTF-7 of mailbox names (RFC 3501 5.1.3), for sessions that have not
 * enabled IMAP4rev2 or UTF8=ACCEPT. Inside, names are UTF-8.
 */
#ifndef PROTO_MUTF7_H
#define PROTO_MUTF7_H

#include "base/buffer.h"

/*
 * Appends the name as UTF-8. Each name has exactly one encoding, so that no two
 * spellings name one mailbox: false for bytes that are not printable ASCII, a
 * shift that is not closed, shifts that touch ("&AOQ-&AOQ-"), base64 with bits
 * left over, printable ASCII or NUL inside base64, and broken surrogates. What
 * was appended is then undefined.
 */
bool
mutf7_decode(struct buffer *out, struct span name);

/* Appends the encoding; bytes that are not UTF-8 are encoded as U+FFFD. */
void
mutf7_encode(struct buffer *out, struct span utf8);

#endif
