/*
 * Questions to `ldap` and `pgsql`: a pool of wires for each source, so that one
 * that hangs is one bulkhead. Runs in auth.
 */
#include "auth/wire_question.h"

#include <string.h>

#include "base/clock.h"
#include "base/services.h"
#include "serve/tab_call.h"

static struct {
	const char *kind, *service;
	struct wire_pool *pool[SERVICES_FILES];
} kinds[] = {
	{ "ldap", "ldap-question", { NULL } },
	{ "pgsql", "pgsql-question", { NULL } },
};

void
wire_question_init(struct lot *lot, unsigned most)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (unsigned j = 0; j < SERVICES_FILES; j++) {
			kinds[i].pool[j] = wire_pool_new(lot,
				kinds[i].service, 0);
			wire_pool_set_most(kinds[i].pool[j], most);
		}
}

static struct wire_pool *
find_pool(const char *kind, unsigned place)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].kind, kind) == 0 && place < SERVICES_FILES)
			return kinds[i].pool[place];
	return NULL;
}

/* A wire that was kept may have died with an earlier process: then once more
 * over a new one. */
int
wire_question_call(const char *kind, unsigned place, struct span request,
	int wait, struct arena *arena, struct tabline *answer,
	struct error *error)
{
	int64_t deadline = clock_monotonic() + wait;
	struct wire_pool *pool = find_pool(kind, place);
	bool is_again = true;
	if (pool == NULL)
		return error_set(error, ERROR_LATER, "nobody can ask %s %u",
			kind, place);
	while (is_again) {
		struct span line;
		struct wire *wire = wire_take(pool, deadline, error);
		if (wire == NULL)
			return -1;
		is_again = !wire->is_new;
		if (tab_call_send(wire, request, error) < 0 ||
			tab_call_read(wire, &line, error) < 0) {
			is_again = is_again && error->code != ERROR_TIMEOUT;
			wire_drop(&wire);
			continue;
		}
		bool is_whole = tabline_parse(arena_copy(arena, line), arena,
			answer);
		if (is_whole)
			wire_give(&wire);
		else
			wire_drop(&wire);
		return is_whole ? 0 : error_set(error, ERROR_DAMAGED,
			"%s answered nonsense", kind);
	}
	return -1;
}
