/* What auth answers to the queue and to a mailbox: read, bounded, and only
 * whole ones are believed. */
#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "mailbox/ticket.h"
#include "queue/expand.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of(data, size), line;
	struct expansion expansion[3] = { { .address = SPAN("a@x") },
		{ .address = SPAN("b@x") }, { .address = SPAN("c@x") } };
	struct ticket ticket;
	struct arena arena;
	bool is_final;
	arena_init(&arena, 0);
	while (span_split(&rest, '\n', &line)) {
		if (ticket_take_answer(line, "imap", &ticket) == TICKET_OK)
			assert(ticket.user[0] != '\0' &&
				strnlen(ticket.user, sizeof(ticket.user)) <
				sizeof(ticket.user));
		expand_take_answer(line, &arena, expansion, 3, &is_final);
	}
	for (size_t i = 0; i < 3; i++) {
		assert(expansion[i].count <= EXPAND_TARGET_LIMIT);
		for (size_t j = 0; j < expansion[i].count; j++)
			assert(expansion[i].target[j].address.size > 0);
	}
	arena_fini(&arena);
	return 0;
}
