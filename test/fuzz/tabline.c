/* Lines of fields: what one is read as can be written and read again, and the
 * two readers agree. */
#include <assert.h>

#include "fuzz.h"
#include "proto/tabline.h"

static void
write_and_read(const struct tabline *fields, struct arena *arena)
{
	struct buffer out;
	struct tabline again;
	if (fields->count == 0 || fields->field[0].size == 0)
		return;
	buffer_init(&out, 0);
	for (size_t i = 0; i < fields->count; i++)
		tabline_add(&out, fields->field[i]);
	assert(tabline_parse(buffer_span(&out), arena, &again));
	assert(again.count == fields->count);
	for (size_t i = 0; i < again.count; i++)
		assert(span_equals(again.field[i], fields->field[i]));
	buffer_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span line = span_of(data, size), rest = line, field;
	struct arena arena;
	struct tabline fields;
	enum tabline_verdict verdict;
	size_t count = 0;
	arena_init(&arena, 0);
	while ((verdict = tabline_next(&rest, &arena, &field)) ==
		TABLINE_FIELD)
		count++;
	bool ok = tabline_parse(line, &arena, &fields);
	assert(ok == (verdict == TABLINE_END && count <= TABLINE_FIELDS));
	if (ok) {
		assert(fields.count == count);
		write_and_read(&fields, &arena);
		tabline_get(&fields, 0, "user", &field);
	}
	arena_fini(&arena);
	return 0;
}
