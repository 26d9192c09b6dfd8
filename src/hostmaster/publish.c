#include "hostmaster/publish.h"

#include <string.h>

#include "base/base64.h"
#include "hostmaster/hostmaster.h"

int
publish_send(struct span origin, const char *tag, struct span text,
	int64_t deadline, struct error *error)
{
	struct buffer fields, coded;
	buffer_init(&fields, 0);
	buffer_init(&coded, 0);
	base64_encode(&coded, text);
	tabline_add_pair(&fields, "origin", origin);
	tabline_add_pair(&fields, "tag", span_from(tag));
	tabline_add_pair(&fields, "text", buffer_span(&coded));
	const struct row_request request = { .command = "PUBLISH",
		.fields = buffer_span(&fields), .deadline = deadline };
	int result = row_call(hostmaster.records, &request, error);
	buffer_fini(&fields);
	buffer_fini(&coded);
	return result;
}

struct listing {
	struct arena *arena;
	struct span *origins;
	size_t count, room;
};

static void
take_row(void *context, const struct tabline *row)
{
	struct listing *listing = context;
	struct span origin;
	if (!tabline_get(row, 2, "origin", &origin))
		return;
	if (listing->count == listing->room) {
		struct span *old = listing->origins;
		listing->room = listing->room == 0 ? 16 : listing->room * 2;
		listing->origins = arena_new_array(listing->arena,
			listing->room, sizeof(*old));
		if (listing->count > 0)
			memcpy(listing->origins, old,
				listing->count * sizeof(*old));
	}
	listing->origins[listing->count++] = arena_copy(listing->arena,
		origin);
}

int
publish_list(const char *tag, int64_t deadline, struct arena *arena,
	struct span **origins, size_t *count, struct error *error)
{
	struct listing listing = { .arena = arena };
	struct buffer fields;
	buffer_init(&fields, 0);
	tabline_add_pair(&fields, "tag", span_from(tag));
	const struct row_request request = { .command = "LIST",
		.fields = buffer_span(&fields), .deadline = deadline,
		.row = take_row, .context = &listing };
	int result = row_call(hostmaster.records, &request, error);
	buffer_fini(&fields);
	*origins = listing.origins;
	*count = listing.count;
	return result;
}
