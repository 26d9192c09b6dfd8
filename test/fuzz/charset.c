/*
 * "label, line end, text": whatever the label, the text becomes UTF-8, which
 * folds to UTF-8, line by line as in the whole.
 */
#include <assert.h>

#include "base/utf8.h"
#include "fuzz.h"
#include "proto/charset.h"

static void
fold_by_lines(struct buffer *out, struct span text)
{
	while (text.size > 0) {
		size_t n = 1 + span_find(span_skip(text, 1), '\n');
		charset_fold(out, span_first(text, n));
		text = span_skip(text, n);
	}
}

static void
convert_pieces(struct span label, struct span text)
{
	struct buffer held, utf8;
	buffer_init(&held, 0);
	buffer_init(&utf8, 0);
	for (; text.size > 0; text = span_skip(text, 5)) {
		buffer_add(&held, span_first(text, 5));
		size_t taken = charset_part_to_utf8(&utf8, label,
			buffer_span(&held), false);
		assert(taken <= held.size);
		buffer_shift(&held, taken);
	}
	assert(charset_part_to_utf8(&utf8, label, buffer_span(&held), true) ==
		held.size);
	assert(utf8_is_valid(buffer_span(&utf8)));
	buffer_fini(&held);
	buffer_fini(&utf8);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of(data, size), label;
	struct buffer utf8, folded, lines;
	buffer_init(&utf8, 0);
	buffer_init(&folded, 0);
	buffer_init(&lines, 0);
	if (size > 0 && span_split(&rest, '\n', &label)) {
		bool known = charset_to_utf8(&utf8, label, rest);
		assert(known == charset_is_known(label));
		assert(utf8_is_valid(buffer_span(&utf8)));
		charset_fold(&folded, buffer_span(&utf8));
		assert(utf8_is_valid(buffer_span(&folded)));
		fold_by_lines(&lines, buffer_span(&utf8));
		assert(span_equals(buffer_span(&folded), buffer_span(&lines)));
		charset_fold(&lines, rest);
		convert_pieces(label, rest);
	}
	buffer_fini(&utf8);
	buffer_fini(&folded);
	buffer_fini(&lines);
	return 0;
}
