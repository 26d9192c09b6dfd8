/*
 * Fields between tabs. A pure codec: it looks at one line that somebody else
 * has framed and never allocates but from the arena it is given.
 */
#include "proto/tabline.h"

#include <string.h>

static const char *
escape_of(char c)
{
	switch (c) {
	case '\0':
		return "\0010";
	case '\001':
		return "\0011";
	case '\t':
		return "\001t";
	case '\r':
		return "\001r";
	case '\n':
		return "\001n";
	default:
		return NULL;
	}
}

static void
add_escaped(struct buffer *out, struct span s)
{
	size_t plain = 0;
	for (size_t i = 0; i < s.size; i++) {
		const char *escape = escape_of(s.data[i]);
		if (escape == NULL)
			continue;
		buffer_add(out, span_of(s.data + plain, i - plain));
		buffer_add(out, span_of(escape, 2));
		plain = i + 1;
	}
	buffer_add(out, span_skip(s, plain));
}

static void
add_separator(struct buffer *out)
{
	if (out->size > 0 && out->data[out->size - 1] != '\n')
		buffer_add_byte(out, '\t');
}

void
tabline_add(struct buffer *out, struct span field)
{
	add_separator(out);
	add_escaped(out, field);
}

void
tabline_add_pair(struct buffer *out, const char *key, struct span value)
{
	add_separator(out);
	buffer_add_string(out, key);
	buffer_add_byte(out, '=');
	add_escaped(out, value);
}

void
tabline_add_number(struct buffer *out, const char *key, uint64_t number)
{
	add_separator(out);
	buffer_add_string(out, key);
	buffer_add_byte(out, '=');
	buffer_add_number(out, number);
}

void
tabline_end(struct buffer *out)
{
	buffer_add_byte(out, '\n');
}

static bool
unescape_byte(char code, char *c)
{
	switch (code) {
	case '0':
		*c = '\0';
		return true;
	case '1':
		*c = '\001';
		return true;
	case 't':
		*c = '\t';
		return true;
	case 'r':
		*c = '\r';
		return true;
	case 'n':
		*c = '\n';
		return true;
	default:
		return false;
	}
}

static bool
unescape(struct span in, struct arena *arena, struct span *out)
{
	if (span_find(in, '\001') == in.size) {
		*out = in;
		return true;
	}
	char *bytes = arena_new(arena, in.size);
	size_t size = 0;
	for (size_t i = 0; i < in.size; i++) {
		if (in.data[i] != '\001') {
			bytes[size++] = in.data[i];
			continue;
		}
		if (++i == in.size || !unescape_byte(in.data[i], &bytes[size]))
			return false;
		size++;
	}
	*out = span_of(bytes, size);
	return true;
}

enum tabline_verdict
tabline_next(struct span *rest, struct arena *arena, struct span *field)
{
	struct span raw;
	if (!span_split(rest, '\t', &raw))
		return TABLINE_END;
	return unescape(raw, arena, field) ? TABLINE_FIELD : TABLINE_BAD;
}

bool
tabline_parse(struct span line, struct arena *arena, struct tabline *fields)
{
	struct span field;
	fields->count = 0;
	for (;;) {
		switch (tabline_next(&line, arena, &field)) {
		case TABLINE_END:
			return true;
		case TABLINE_BAD:
			return false;
		case TABLINE_FIELD:
			break;
		}
		if (fields->count == TABLINE_FIELDS)
			return false;
		fields->field[fields->count++] = field;
	}
}

bool
tabline_value(struct span field, const char *key, struct span *value)
{
	size_t size = strlen(key);
	if (field.size <= size || field.data[size] != '=' ||
		memcmp(field.data, key, size) != 0)
		return false;
	*value = span_skip(field, size + 1);
	return true;
}

bool
tabline_get(const struct tabline *fields, size_t first, const char *key,
	struct span *value)
{
	for (size_t i = first; i < fields->count; i++)
		if (tabline_value(fields->field[i], key, value))
			return true;
	return false;
}

bool
tabline_has(const struct tabline *fields, size_t first, const char *word)
{
	for (size_t i = first; i < fields->count; i++)
		if (span_equals(fields->field[i], span_from(word)))
			return true;
	return false;
}
