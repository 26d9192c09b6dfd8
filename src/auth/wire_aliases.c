/*
 * The commands of auth-admin by which newaliases hands over its table: begin,
 * any number of parts, end. What was begun belongs to the wire and goes with
 * it, so that half a table is never used.
 */
#include "auth/aliases.h"
#include "auth/auth.h"
#include "auth/wire.h"
#include "base/log.h"
#include "proto/alias_table.h"

static void
answer(struct wire_request *request, int result, const struct error *error)
{
	if (result != 0) {
		wire_fail(request, error);
		return;
	}
	wire_answer(request, "OK");
	wire_end(request);
}

void
wire_aliases_begin(struct wire_request *request)
{
	struct error error;
	buffer_fini(&request->wire->table);
	buffer_init(&request->wire->table, ALIAS_TABLE_LIMIT);
	answer(request, 0, &error);
}

void
wire_aliases_part(struct wire_request *request)
{
	struct error error;
	struct buffer *table = &request->wire->table;
	buffer_add(table, wire_get(request, "data"));
	answer(request, buffer_is_overrun(table) ? error_set(&error,
		ERROR_USAGE, "the aliases are more than 64 MiB") : 0, &error);
}

void
wire_aliases_end(struct wire_request *request)
{
	struct error error;
	struct buffer *table = &request->wire->table;
	int result = aliases_replace(auth.accounts, buffer_span(table),
		&error);
	if (result == 0)
		log_event(LOG_INFO, "aliases-changed", NULL,
			LOG_NUMBER("bytes", table->size));
	buffer_fini(table);
	answer(request, result, &error);
}
