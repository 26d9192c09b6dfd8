/*
 * What `mail` shows: lines of its list and messages, as text for a terminal.
 * Strangers wrote all of it, so control characters and the like are made
 * visible (proto/terminal_text.h). Pure functions.
 */
#ifndef CTL_MAIL_TEXT_H
#define CTL_MAIL_TEXT_H

#include "base/arena.h"
#include "base/buffer.h"
#include "proto/mime.h"

/* A line of the list. */
struct mail_text_line {
	bool is_current;	/* ">" */
	char flag;		/* N U R, or ' ', D, * */
	unsigned number;
	struct span from, subject;	/* UTF-8 */
	struct span date;	/* "Sun Nov 22 10:00" */
	uint64_t lines, bytes;
};
void
mail_text_add_line(struct buffer *out, const struct mail_text_line *line,
	size_t columns);

/* What a list shows of a header: the sender's address and the subject. */
void
mail_text_find_head(struct arena *arena, struct span message,
	struct span *from, struct span *subject);

/* A field of the header as UTF-8 without folds; empty: it is not there. */
struct span
mail_text_field(struct arena *arena, struct span message, struct span name);

/*
 * A message: the fields of its header that matter (or all), an empty line, its
 * text; other parts as one line each, with the number that
 * mail_text_find_attachment knows them by.
 */
void
mail_text_add_message(struct buffer *out, struct span message,
	bool has_all_fields);

/* The text only, as it goes into an answer. */
void
mail_text_add_body(struct buffer *out, struct span message);

/* The attachment with that number (from 1): its name, in the arena, fit for a
 * file (no slash, no leading dot; may be empty), and its bytes decoded. False:
 * there is none. */
bool
mail_text_find_attachment(struct arena *arena, struct span message,
	unsigned number, struct span *name, struct buffer *content);

#endif
