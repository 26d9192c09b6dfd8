/*
 * Tables of virtual_alias_maps, and addresses looked up in them: what comes
 * out is bounded, and no pattern runs without end.
 */
#include <assert.h>

#include "auth/virtual.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const keys[] = { "root@example.test", "aaaaaaaaaa",
		"@example.test" };
	struct virtual_tables *tables;
	struct error error;
	struct arena arena;
	struct span value;
	if (virtual_new(span_of(data, size), &tables, &error) < 0)
		return 0;
	arena_init(&arena, 0);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (virtual_find(tables, span_from(keys[i]), i < 2, &arena,
			&value, &error) == 1)
			assert(value.size <= size + VIRTUAL_RESULT_LIMIT);
	arena_fini(&arena);
	virtual_free(&tables);
	return 0;
}
