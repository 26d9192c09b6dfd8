/*
 * UTF-8 (RFC 3629): well-formedness only. Overlong forms, surrogates and what
 * is beyond U+10FFFF are not UTF-8.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/buffer.h"

/*
 * Decodes one character off the front; its length in bytes, or 0 when the
 * front is not a well-formed character (or the span is empty).
 */
size_t
utf8_decode(struct span s, uint32_t *character);

void
utf8_encode(struct buffer *out, uint32_t character);

bool
utf8_is_valid(struct span s);

bool
utf8_is_ascii(struct span s);

/* Appends s with each byte that is not part of a character as U+FFFD. */
void
utf8_add_repaired(struct buffer *out, struct span s);

#endif
