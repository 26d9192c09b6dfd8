/*
 * FILE of `ldap:FILE` and `pgsql:FILE`, and the queries in them: whatever stands
 * there, values have an end, and a query that is accepted has no variable left
 * outside of its parameters.
 */
#include <assert.h>
#include <string.h>

#include "base/settings_file.h"
#include "fuzz.h"
#include "pgsql/query.h"

static const char *const names[] = { "connect", "query", NULL };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct span value[2];
	struct error error;
	struct query query;
	arena_init(&arena, 0);
	int result = settings_file_parse(span_of(data, size), "f", names,
		&arena, value, &error);
	for (size_t i = 0; i < 2 && result == 0; i++)
		assert(value[i].data == NULL ||
			strlen(value[i].data) == value[i].size);
	if (result != 0)
		assert(strncmp(error.text, "f:", 2) == 0);
	else if (value[1].size > 0 && query_parse(value[1], "und", &arena,
		&query, &error) == 0)
		assert(query.count >= 0 && query.count <= 3 &&
			query.text[0] != '\0');
	arena_fini(&arena);
	return 0;
}
