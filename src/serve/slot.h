/*
 * Inside the lot: one slot per session. Slots are never given back to the
 * system while the lot lives, so that a worker that holds a late event can ask
 * a slot whether its session is still the one that the event was for.
 *
 * The whole life of a session is one atomic word: generation, state, and why it
 * is to be run. FREE -> OWNED (lot_add) <-> PARKED -> FREE. Whoever makes OWNED
 * of PARKED runs the session or puts it into the run queue; to an OWNED one
 * everybody else only adds reasons, and it does not park while there are any.
 */
#ifndef SERVE_SLOT_H
#define SERVE_SLOT_H

#include <pthread.h>
#include <stdatomic.h>

#include "serve/session.h"

enum {
	SLOT_FREE, SLOT_PARKED, SLOT_OWNED, SLOT_STATE = 3,
	/* reasons to run */
	SLOT_NEW = 4, SLOT_STOP = 8, SLOT_NUDGE = 16, SLOT_EXPIRED = 32,
	SLOT_READY = 64, SLOT_RETIRE = 128,
	SLOT_REASONS = SLOT_NEW | SLOT_STOP | SLOT_NUDGE | SLOT_EXPIRED |
		SLOT_READY | SLOT_RETIRE,
};

enum { SLOT_CHUNK = 1024, SLOT_CHUNKS = 1024 };	/* a million sessions */

struct slot {
	_Atomic uint64_t word;		/* generation << 32 | reasons | state */
	_Atomic int64_t deadline;	/* the session's, while it is parked */
	struct session *session;
	struct slot *next;		/* in the one list it is in */
	uint32_t number;
	uint32_t events, second_events;	/* of the owner */
	int watched, second_watched;	/* descriptors in epoll, or -1 */
	bool is_for_write;		/* parked with SESSION_PARK_WRITE */
	bool is_background, is_own_work;	/* the session's */
	enum session_next parked_as;	/* how it parked last */
	bool is_entered;		/* in its group, by group_leave */
	uint64_t group;			/* the one it enters or is in */
};

struct slot_table {
	pthread_mutex_t lock;		/* of the free list and of growing */
	struct slot *free;
	_Atomic uint32_t chunk_count;
	_Atomic uint32_t used;		/* sessions */
	_Atomic uint32_t background;	/* of them */
	_Atomic uint32_t own_work;	/* of them */
	struct slot *_Atomic chunks[SLOT_CHUNKS];
};

void
slot_table_init(struct slot_table *table);
void
slot_table_fini(struct slot_table *table);

/* OWNED and NEW; NULL when there are a million already. */
struct slot *
slot_take(struct slot_table *table, struct session *session);

/* By its owner; the session is gone. */
void
slot_give(struct slot_table *table, struct slot *slot);

/* What stands in epoll's data for a slot. */
uint64_t
slot_mark(const struct slot *slot, bool is_second);

/*
 * The slot of a mark made OWNED for the caller, or NULL when the session is
 * somebody else's (he has been told) or gone.
 */
struct slot *
slot_claim_mark(struct slot_table *table, uint64_t mark, unsigned reason);

/* True when it was parked and is now the caller's; else its owner is told. */
bool
slot_claim(struct slot *slot, unsigned reason);

/* By the owner: the strongest reason, taken off. 0 when there is none. */
unsigned
slot_next_reason(struct slot *slot);

/* By the owner. */
bool
slot_has_reason(const struct slot *slot);

/* By the owner: true when it is parked now; false when there are reasons. */
bool
slot_park(struct slot *slot);

/*
 * Calls visit for every slot that was parked and whose deadline has passed (or
 * for every one when reason is SLOT_STOP), after claiming it.
 */
void
slot_claim_all(struct slot_table *table, unsigned reason, int64_t now,
	void (*visit)(void *context, struct slot *slot), void *context);

#endif
