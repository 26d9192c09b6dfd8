/* Files of the drop folder: what is read can be written and read again. The
 * table of next hops is read too: it finds a way, or says what is wrong. */
#include <assert.h>

#include "fuzz.h"
#include "proto/drop.h"
#include "queue/report.h"
#include "queue/route.h"

static void
read_routes(struct span text, struct arena *arena)
{
	struct routes *routes;
	struct route route;
	struct error error;
	if (routes_new(SPAN(""), text, "t", &routes, &error) < 0)
		return;
	route_find(routes, span_first(text, 80), arena, &route);
	route_find(routes, SPAN("a@b.example.test"), arena, &route);
	assert(route.verdict != ROUTE_HOP || route.hop.size > 0);
	routes_free(&routes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = span_of(data, size), host, reply;
	struct drop drop, again;
	struct arena arena;
	struct buffer out;
	size_t head;
	arena_init(&arena, 0);
	read_routes(bytes, &arena);
	if (report_split_reply(bytes, &host, &reply))
		assert(host.size + reply.size < bytes.size);
	if (drop_parse(bytes, &arena, &drop, &head)) {
		assert(head <= bytes.size && drop.count > 0);
		buffer_init(&out, 0);
		drop_add(&out, &drop);
		assert(drop_parse(buffer_span(&out), &arena, &again, &head));
		assert(again.count == drop.count && head == out.size);
		assert(span_equals(again.sender, drop.sender));
		buffer_fini(&out);
	}
	arena_fini(&arena);
	return 0;
}
