/*
 * Paths and queries of requests.
 */
#include "web/path.h"

static bool
decode(struct span text, struct arena *arena, struct span *out)
{
	char *bytes = arena_new(arena, text.size + 1);
	size_t size = 0;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = (uint8_t)text.data[i];
		if (byte == '%') {
			struct span digits = span_first(span_skip(text, i + 1),
				2);
			if (digits.size < 2 ||
			    !span_to_hex_bytes(digits, &byte, 1))
				return false;
			i += 2;
		}
		if (byte < ' ' || byte == 127)
			return false;
		bytes[size++] = (char)byte;
	}
	*out = span_of(bytes, size);
	return true;
}

static size_t
count(struct span text, char c)
{
	size_t n = 0;
	for (size_t i = 0; i < text.size; i++)
		n += text.data[i] == c;
	return n;
}

bool
path_decode(struct span path, struct arena *arena, struct span *out)
{
	return decode(path, arena, out) &&
		count(*out, '/') == count(path, '/') && count(*out, '\\') == 0;
}

bool
path_query(struct span query, struct span name, struct arena *arena,
	struct span *value)
{
	struct span piece, key;
	while (span_split(&query, '&', &piece)) {
		size_t size = span_find(piece, '=');
		if (size == piece.size ||
		    !decode(span_first(piece, size), arena, &key) ||
		    !span_equals_nocase(key, name))
			continue;
		return decode(span_skip(piece, size + 1), arena, value);
	}
	return false;
}
