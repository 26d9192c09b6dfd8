/*
 * Fields, encoded words and transfer encodings: what comes out is UTF-8, and
 * pieces of a body decode as the whole.
 */
#include <assert.h>

#include "base/utf8.h"
#include "fuzz.h"
#include "proto/mime.h"

static void
decode(struct buffer *out, enum mime_encoding encoding, struct span body,
	size_t piece)
{
	struct mime_decoder decoder = { .encoding = encoding };
	for (; body.size > 0; body = span_skip(body, piece))
		mime_decode_part(&decoder, out, span_first(body, piece),
			false);
	mime_decode_part(&decoder, out, SPAN(""), true);
}

static void
decode_twice(enum mime_encoding encoding, struct span body)
{
	struct buffer whole, pieces;
	buffer_init(&whole, 0);
	buffer_init(&pieces, 0);
	decode(&whole, encoding, body, body.size + 1);
	decode(&pieces, encoding, body, 3);
	assert(span_equals(buffer_span(&whole), buffer_span(&pieces)));
	assert(whole.size <= body.size);
	buffer_fini(&whole);
	buffer_fini(&pieces);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size), rest = text;
	struct mime_field field;
	struct arena arena;
	arena_init(&arena, 0);
	struct span words = mime_decode_words(&arena, text);
	assert(utf8_is_valid(words));
	assert(span_find(words, '\n') == words.size);
	while (mime_next_field(&rest, &field)) {
		assert(field.name.size > 0);
		struct span value = mime_unfold(&arena, field.value);
		assert(value.size <= field.value.size);
		mime_decode_words(&arena, value);
	}
	decode_twice(MIME_BASE64, text);
	decode_twice(MIME_QUOTED_PRINTABLE, text);
	arena_fini(&arena);
	return 0;
}
