/* Annotations of the spool: what one is read as can be written and read
 * again. */
#include <assert.h>

#include "fuzz.h"
#include "queue/envelope.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct envelope envelope, again;
	struct arena arena;
	struct buffer out;
	arena_init(&arena, 0);
	buffer_init(&out, 0);
	if (envelope_decode(span_of(data, size), &arena, &envelope)) {
		size_t next = envelope_encode(&out, &envelope, 0, ENVELOPE_LIMIT);
		assert(next <= envelope.count);
		assert(envelope_decode(buffer_span(&out), &arena, &again));
		assert(again.count == next);
		assert(span_equals(again.id, envelope.id));
		for (size_t i = 0; i < again.count; i++)
			assert(span_equals(again.recipient[i].to,
				envelope.recipient[i].to));
	}
	buffer_fini(&out);
	arena_fini(&arena);
	return 0;
}
