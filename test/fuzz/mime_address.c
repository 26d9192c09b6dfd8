/* Lists of addresses: groups are closed, and nothing grows beyond its input. */
#include <assert.h>

#include "fuzz.h"
#include "proto/mime.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	size_t bytes = 0;
	bool in_group = false;
	arena_init(&arena, 0);
	for (const struct mime_address *row = mime_parse_addresses(&arena,
	    span_of(data, size)); row != NULL; row = row->next) {
		bytes += row->name.size + row->route.size +
			row->mailbox.size + row->host.size;
		if (row->mailbox.data == NULL) {
			assert(row->host.data == NULL);
			assert(in_group == (row->name.data == NULL));
			in_group = !in_group;
		} else {
			assert(row->host.data != NULL);
		}
	}
	assert(!in_group);
	assert(bytes <= 2 * size);
	arena_fini(&arena);
	return 0;
}
