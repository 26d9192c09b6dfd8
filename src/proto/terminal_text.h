/*
 * Text of strangers on a terminal: it is shown, and does nothing. Control
 * characters (ESC and its kin, also those of U+0080 to U+009F), marks that turn
 * the direction of writing and bytes that are no UTF-8 become visible; columns
 * are counted as a terminal has them, two for a Chinese character.
 */
#ifndef PROTO_TERMINAL_TEXT_H
#define PROTO_TERMINAL_TEXT_H

#include "base/buffer.h"

/* Text of several lines: ends of lines become LF and tabs stay. */
void
terminal_text_add(struct buffer *out, struct span utf8);

/* One line: ends of lines and tabs become blanks. */
void
terminal_text_add_line(struct buffer *out, struct span utf8);

/* Columns that clean text of one line takes. */
size_t
terminal_text_width(struct span clean);

/* One line cut to so many columns; with is_padded filled up with blanks. */
void
terminal_text_add_cell(struct buffer *out, struct span utf8, size_t columns,
	bool is_padded);

#endif
