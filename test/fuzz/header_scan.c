/*
 * What smtpd finds in a header is the same whole and in two pieces. The first
 * byte chooses the split.
 */
#include <assert.h>

#include "fuzz.h"
#include "smtpd/header_scan.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct header_scan whole, pieces;
	if (size < 1)
		return 0;
	struct span in = span_of(data + 1, size - 1);
	header_scan_init(&whole, true);
	header_scan_init(&pieces, true);
	header_scan_feed(&whole, in);
	header_scan_feed(&pieces, span_first(in, data[0]));
	header_scan_feed(&pieces, span_skip(in, data[0]));
	assert(whole.is_over == pieces.is_over);
	assert(whole.is_headless == pieces.is_headless);
	assert(whole.has_date == pieces.has_date);
	assert(whole.has_message_id == pieces.has_message_id);
	assert(whole.received == pieces.received);
	assert(whole.from_count == pieces.from_count);
	assert(span_equals(buffer_span(&whole.from),
		buffer_span(&pieces.from)));
	header_scan_fini(&whole);
	header_scan_fini(&pieces);
	return 0;
}
