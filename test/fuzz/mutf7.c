/* Modified UTF-7: what is accepted is the one encoding of its name. */
#include <assert.h>

#include "fuzz.h"

#include "base/utf8.h"
#include "proto/mutf7.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct buffer name, again;
	buffer_init(&name, 0);
	buffer_init(&again, 0);
	if (mutf7_decode(&name, in)) {
		assert(utf8_is_valid(buffer_span(&name)));
		mutf7_encode(&again, buffer_span(&name));
		assert(span_equals(buffer_span(&again), in));
	}
	buffer_clear(&name);
	buffer_clear(&again);
	mutf7_encode(&again, in);
	if (span_find(in, '\0') == size) {
		assert(mutf7_decode(&name, buffer_span(&again)));
		if (utf8_is_valid(in))
			assert(span_equals(buffer_span(&name), in));
	}
	buffer_fini(&name);
	buffer_fini(&again);
	return 0;
}
