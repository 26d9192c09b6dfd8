/*
 * Alias files, included files and the compiled table: whatever the bytes are,
 * lines only go up, limits hold, and a table that is read is bounded too.
 */
#include <assert.h>

#include "fuzz.h"
#include "proto/alias_table.h"

static void
parse(struct span text, int (*next)(struct alias_parser *, struct arena *,
	struct alias_entry *, struct error *))
{
	struct arena arena;
	struct error error;
	struct alias_parser parser;
	struct alias_entry entry;
	unsigned last = 0;
	arena_init(&arena, 0);
	aliases_init(&parser, "file", text);
	while (next(&parser, &arena, &entry, &error) == 1) {
		assert(entry.line > last && parser.line > entry.line);
		last = entry.line;
		assert(entry.count <= ALIASES_TARGET_LIMIT);
		for (size_t i = 0; i < entry.count; i++) {
			assert(entry.target[i].line >= entry.line &&
				entry.target[i].line < parser.line);
			assert(entry.target[i].text.size > 0 &&
				entry.target[i].text.size <=
				ALIASES_TEXT_LIMIT);
		}
	}
	arena_fini(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size);
	struct alias_table *table;
	struct alias_target *target;
	struct error error;
	struct arena arena;
	size_t count;
	parse(text, aliases_next);
	parse(text, aliases_next_included);
	if (alias_table_new(text, &table, &error) == 0) {
		arena_init(&arena, 0);
		if (alias_table_find(table, SPAN("root"), &arena, &target,
			&count))
			assert(count > 0 && count <= ALIASES_TARGET_LIMIT);
		arena_fini(&arena);
		alias_table_free(&table);
	}
	return 0;
}
