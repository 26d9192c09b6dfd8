/*
 * Seven-bit charsets that switch sets with escapes, rewritten in the eight-bit
 * charset that has the same characters. For charset.c.
 */
#ifndef PROTO_CHARSET_ESCAPE_H
#define PROTO_CHARSET_ESCAPE_H

#include "base/buffer.h"

/* HZ (RFC 1843) as GB 18030. */
void
charset_escape_hz(struct buffer *out, struct span text);

/*
 * ISO-2022-JP (RFC 1468), with the half-width katakana and the characters of
 * vendors that mail has, as windows-31j (CP932).
 */
void
charset_escape_jp(struct buffer *out, struct span text);

/*
 * Korean text in UTF-8 in which syllables that KS X 1001 lacks are spelt as
 * filler and three letters (its annex 3), with these syllables put together.
 */
void
charset_escape_syllables(struct buffer *out, struct span utf8);

#endif
