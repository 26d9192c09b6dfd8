/*
 * Content of DATA and BDAT against a second, plain reading of the rules: the
 * end of DATA is the first CRLF.CRLF (or .CRLF at the beginning) and nothing
 * else, at any split. The first byte chooses the kind, the second the split.
 */
#include <assert.h>

#include "fuzz.h"
#include "proto/smtp_data.h"

/* Length of the DATA up to and with its end, or the whole when it has none. */
static size_t
find_end(struct span in, bool *is_end)
{
	struct span mark = SPAN("\r\n.\r\n");
	*is_end = true;
	if (span_starts(in, SPAN(".\r\n")))
		return 3;
	size_t at = span_search(in, mark);
	*is_end = at < in.size;
	return *is_end ? at + mark.size : in.size;
}

static void
feed(struct smtp_data *state, struct span in, size_t split, struct buffer *out)
{
	struct span first = span_first(in, split), rest = span_skip(in, split);
	bool is_end = false;
	size_t want = state->kind == SMTP_DATA_DOTS ? find_end(in, &is_end) :
		in.size;
	size_t used = smtp_data_feed(state, first, out);
	if (!state->is_end) {
		assert(used == first.size);
		used += smtp_data_feed(state, rest, out);
	}
	assert(used == want);
	if (state->kind == SMTP_DATA_DOTS)
		assert(state->is_end == is_end);
	else
		smtp_data_end(state, out);
	assert(state->size == out->size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_data whole, pieces;
	struct buffer out, again;
	if (size < 2)
		return 0;
	struct span in = span_of(data + 2, size - 2);
	bool is_normalising = (data[0] & 4) != 0;
	buffer_init(&out, 0);
	buffer_init(&again, 0);
	smtp_data_init(&whole, data[0] % 3, is_normalising);
	smtp_data_init(&pieces, data[0] % 3, is_normalising);
	feed(&whole, in, in.size, &out);
	feed(&pieces, in, data[1], &again);
	assert(span_equals(buffer_span(&out), buffer_span(&again)));
	assert(whole.has_bare_cr == pieces.has_bare_cr);
	assert(whole.has_bare_lf == pieces.has_bare_lf);
	assert(whole.has_nul == pieces.has_nul);
	/* What was normalised, or had nothing bare, has CRLF only. */
	if (whole.kind != SMTP_DATA_BINARY && whole.is_end && (is_normalising ||
	    (!whole.has_bare_cr && !whole.has_bare_lf)))
		for (size_t i = 0; i < out.size; i++) {
			if (out.data[i] == '\r')
				assert(i + 1 < out.size &&
					out.data[i + 1] == '\n');
			if (out.data[i] == '\n')
				assert(i > 0 && out.data[i - 1] == '\r');
		}
	buffer_fini(&out);
	buffer_fini(&again);
	return 0;
}
