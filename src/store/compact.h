/*
 * Giving back the space of segments of which little is alive: what is alive is
 * written again at the log's end (doc/formats/records.md, "Compaction"). Run by
 * the thread behind the store in small steps, never by whom a client waits for.
 *
 * The lock of a compactor comes before all others of the store.
 */
#ifndef STORE_COMPACT_H
#define STORE_COMPACT_H

#include <sys/uio.h>

#include "store/account.h"

enum {
	COMPACT_SPARSE = 4,		/* less than one part in so many is alive */
	COMPACT_BODY_COST = 128,	/* bytes of a body's new record, beside it */
};

/* A segment before the one being written; what the index counts in it. */
struct space_segment {
	uint64_t number, size;
	uint64_t placements, bytes;
};

/* What a look at the space found. */
struct space_facts {
	struct space_segment *segment;	/* ascending; memory_free */
	size_t count;
	uint64_t newest;		/* number of the one being written */
	uint64_t state_cost;		/* bytes of a whole state */
};

struct compactor *
compactor_new(void);
void
compactor_free(struct compactor **compactor);

/* Begins a round if it pays and none is under way. */
void
compact_consider(struct account *account, const struct space_facts *facts);

/* One step of the round under way; false: there was nothing to do. */
bool
compact_step(struct account *account);

/* For tools and tests: begins a round over what is less than three quarters
 * alive, paying or not; and goes through with one at once. */
void
compact_begin(struct account *account);
void
compact_now(struct account *account);

/* ---- op_move.c ---- */

struct compact_placement {
	uint64_t segment, offset, size, email;	/* as they were when looked at */
	uint32_t mailbox, uid;
};

struct compact_body {
	const struct compact_placement *placement;
	size_t count;
	struct iovec payload;		/* of its message record, as it was */
};

/* Writes the bodies again and moves those placements there that have not
 * changed meanwhile. */
enum store_verdict
op_move_bodies(struct account *account, const struct compact_body *bodies,
	size_t count, struct error *error);

#endif
