/*
 * Lines of fields between tabs, as in the Dovecot authentication protocol:
 * tab, LF, CR, NUL and \001 inside a field are escaped (\001 then '1' NUL,
 * 't' tab, 'r' CR, 'n' LF, '1'...). Used on the wires to auth and on the
 * operator's wires ("admin") of auth and queue.
 */
#ifndef PROTO_TABLINE_H
#define PROTO_TABLINE_H

#include "base/arena.h"
#include "base/buffer.h"

enum { TABLINE_LIMIT = 65536, TABLINE_FIELDS = 64 };

struct tabline {
	struct span field[TABLINE_FIELDS];
	size_t count;
};

/* Appends a field, with a tab before it unless it begins a line. */
void
tabline_add(struct buffer *out, struct span field);
/* "key=value" as one field. */
void
tabline_add_pair(struct buffer *out, const char *key, struct span value);
void
tabline_end(struct buffer *out);

/* The line without its LF; unescaped fields live in the arena. False when it
 * has too many fields or a bad escape. */
bool
tabline_parse(struct span line, struct arena *arena, struct tabline *fields);

/* The value of "key=..." among fields from `first` on; false when absent. */
bool
tabline_get(const struct tabline *fields, size_t first, const char *key,
	struct span *value);

#endif
