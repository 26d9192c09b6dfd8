/*
 * Lines: the same lines come out of a stream in one piece and in two. The
 * first byte chooses the split, the second the limit.
 */
#include <assert.h>

#include "base/buffer.h"
#include "fuzz.h"
#include "proto/line.h"

/* Takes every line there is; writes verdicts and lines to *out. */
static void
take_lines(struct buffer *in, size_t limit, bool *is_skipping,
	struct buffer *out)
{
	for (;;) {
		struct span line;
		size_t consumed;
		enum line_verdict verdict = line_next(buffer_span(in), limit,
			&line, &consumed);
		if (verdict == LINE_MORE)
			return;
		assert(consumed > 0 && consumed <= in->size);
		if (verdict == LINE_TOO_LONG) {
			*is_skipping = true;
		} else {
			assert(line.size <= limit);
			buffer_add_byte(out, *is_skipping ? 'T' :
				(char)('0' + verdict));
			if (!*is_skipping)
				buffer_add(out, line);
			*is_skipping = false;
		}
		buffer_shift(in, consumed);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer in, out, again;
	bool is_skipping = false;
	if (size < 2)
		return 0;
	size_t split = data[0], limit = data[1];
	struct span text = span_of(data + 2, size - 2);
	buffer_init(&in, 0);
	buffer_init(&out, 0);
	buffer_init(&again, 0);
	buffer_add(&in, text);
	take_lines(&in, limit, &is_skipping, &out);
	buffer_clear(&in);
	is_skipping = false;
	buffer_add(&in, span_first(text, split));
	take_lines(&in, limit, &is_skipping, &again);
	buffer_add(&in, span_skip(text, split));
	take_lines(&in, limit, &is_skipping, &again);
	assert(span_equals(buffer_span(&out), buffer_span(&again)));
	buffer_fini(&in);
	buffer_fini(&out);
	buffer_fini(&again);
	return 0;
}
