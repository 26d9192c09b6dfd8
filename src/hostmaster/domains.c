#include "hostmaster/domains.h"

#include <string.h>

#include "proto/address.h"

struct reading {
	struct arena *arena;
	struct domains *domains;
	size_t room;
};

/* The rows of the old array are left to the arena. */
static void
grow(struct reading *reading)
{
	struct domains_row *old = reading->domains->row;
	reading->room = reading->room == 0 ? 16 : reading->room * 2;
	reading->domains->row = arena_new_array(reading->arena, reading->room,
		sizeof(*old));
	if (old != NULL)
		memcpy(reading->domains->row, old,
			reading->domains->count * sizeof(*old));
}

static void
take_row(void *context, const struct tabline *row)
{
	struct reading *reading = context;
	struct span name, source = SPAN("");
	if (!tabline_get(row, 2, "domain", &name) ||
	    !address_domain_to_ascii(reading->arena, name, &name) ||
	    reading->domains->count == DOMAINS_LIMIT)
		return;
	tabline_get(row, 2, "source", &source);
	if (reading->domains->count == reading->room)
		grow(reading);
	reading->domains->row[reading->domains->count++] =
		(struct domains_row){
			.name = arena_copy_lower(reading->arena, name),
			.is_configured = span_equals(source,
				SPAN("mydestination")) };
}

int
domains_ask(struct row_caller *auth, int64_t deadline, struct arena *arena,
	struct domains *domains, struct error *error)
{
	struct reading reading = { .arena = arena, .domains = domains };
	const struct row_request request = { .command = "DOMAINS",
		.deadline = deadline, .row = take_row, .context = &reading };
	*domains = (struct domains){ 0 };
	return row_call(auth, &request, error);
}
