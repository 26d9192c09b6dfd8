/*
 * Values of IMAP responses (RFC 9051 9): strings in the shortest form that is
 * right for the session, names, flags.
 */
#ifndef PROTO_IMAP_WRITE_H
#define PROTO_IMAP_WRITE_H

#include "base/buffer.h"

enum { IMAP_WRITE_QUOTED_LIMIT = 1000 };	/* longer strings are literals */

/*
 * string: quoted where that is allowed, else a literal. With is_utf8 (IMAP4rev2
 * or UTF8=ACCEPT enabled) UTF-8 may stand in quotes. NUL, which no string can
 * hold, is written as a space.
 */
void
imap_write_string(struct buffer *out, struct span s, bool is_utf8);

/* NIL when s.data == NULL. */
void
imap_write_nstring(struct buffer *out, struct span s, bool is_utf8);

/* As an atom where that is possible. */
void
imap_write_astring(struct buffer *out, struct span s, bool is_utf8);

/* A mailbox name: modified UTF-7, or UTF-8 with is_utf8. */
void
imap_write_mailbox(struct buffer *out, struct span name, bool is_utf8);

#endif
