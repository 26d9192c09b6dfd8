/*
 * Lines of fields between tabs, as in the Dovecot authentication protocol:
 * NUL, \001, tab, CR and LF inside a field are escaped as \001 followed by
 * '0', '1', 't', 'r' and 'n'. Used on the wires to auth and on the operator's
 * wires ("admin").
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

/* Appends a field, with a tab before it unless it begins a line. The first
 * field of a line is never empty. */
void
tabline_add(struct buffer *out, struct span field);
/* "key=value" as one field. */
void
tabline_add_pair(struct buffer *out, const char *key, struct span value);
void
tabline_add_number(struct buffer *out, const char *key, uint64_t number);
void
tabline_end(struct buffer *out);

/* The line without its LF; unescaped fields live in the arena (those without
 * an escape are spans of the line). False when it has too many fields or a bad
 * escape. */
bool
tabline_parse(struct span line, struct arena *arena, struct tabline *fields);

enum tabline_verdict { TABLINE_FIELD, TABLINE_END, TABLINE_BAD };

/*
 * For lines with more fields than a struct tabline holds: cuts the next field
 * off *rest (begin with the line). After the last one *rest has data == NULL
 * and the verdict is TABLINE_END.
 */
enum tabline_verdict
tabline_next(struct span *rest, struct arena *arena, struct span *field);

/* The value of "key=..." among fields from `first` on; false when absent. */
bool
tabline_get(const struct tabline *fields, size_t first, const char *key,
	struct span *value);

/* Is there a field that is exactly this word ("temp")? */
bool
tabline_has(const struct tabline *fields, size_t first, const char *word);

/* The value when the field is "key=value"; false when it is another key. */
bool
tabline_value(struct span field, const char *key, struct span *value);

#endif
