/*
 * When what is spooled is tried: every message of the spool is in memory as one
 * small row. A row waits for its time in a heap, then stands in the line of its
 * destination until it is its turn, and is then taken for an attempt by one
 * session at a time.
 *
 * Time (monotonic ms) is a parameter. Not locked: the spool holds its lock.
 */
#ifndef QUEUE_SCHEDULE_H
#define QUEUE_SCHEDULE_H

#include "queue/destination.h"
#include "serve/histogram.h"

#define SCHEDULE_NEVER INT64_MAX

enum queued_state {
	QUEUED_IDLE,		/* nothing to try */
	QUEUED_TIMED,		/* in the heap */
	QUEUED_IN_LINE,		/* of its destination */
	QUEUED_TAKEN,		/* somebody has it */
};

/* A message of the spool. A million of them wait: keep it small. */
struct queued {
	struct queued *chain;		/* of the table of ids */
	struct queued *next, *previous;	/* in line */
	struct destination *destination;	/* NULL: idle since it was added */
	int64_t due;			/* SCHEDULE_NEVER: nothing to try */
	uint32_t uid;			/* in the spool's INBOX */
	uint32_t place;			/* in the heap */
	uint32_t look;			/* monotonic s: when it is looked at even
					 * if its destination is closed; 0: never */
	uint32_t arrival;		/* wall s */
	uint8_t state;			/* enum queued_state */
	uint8_t outcome;		/* enum destination_outcome, of the delivery
					 * that was started */
	bool is_damaged : 1;		/* its envelope cannot be read */
	bool is_started : 1;		/* counted by its destination */
	bool is_unwritten : 1;		/* the same: done, but not durably */
	char id[];
};

struct schedule {
	struct destinations destinations;
	struct queued **slot;		/* a table of chains, by id */
	size_t slot_count, length;
	struct queued **heap;
	uint32_t count, room;
};

void
schedule_init(struct schedule *schedule);
/* Frees the rows too. */
void
schedule_fini(struct schedule *schedule);

/* A new row, idle; NULL when there is one of that id. */
struct queued *
schedule_add(struct schedule *schedule, struct span id, uint32_t uid);

struct queued *
schedule_find(const struct schedule *schedule, struct span id);

/*
 * Gives a row back (or schedules a new one): for this destination, due then.
 * What is due already gets in line. A delivery that was started must have been
 * ended (schedule_end).
 */
void
schedule_set(struct schedule *schedule, struct queued *row,
	struct destination *destination, int64_t due, int64_t now);

/* The row whose turn it is, now taken and started; NULL when there is none. */
struct queued *
schedule_take(struct schedule *schedule, int64_t now);

/* Takes this one, whenever it is due; false when somebody has it. */
bool
schedule_take_row(struct schedule *schedule, struct queued *row);

/* A row that is taken, not started, goes there. */
void
schedule_assign(struct schedule *schedule, struct queued *row,
	struct destination *destination);

/* A row that is taken: starts it when its destination is free and nobody
 * stands in line there. */
bool
schedule_start(struct schedule *schedule, struct queued *row, int64_t now);
/* The delivery that was started has ended. */
void
schedule_end(struct schedule *schedule, struct queued *row,
	enum destination_outcome outcome, int64_t now);

/*
 * Nobody is left of it, which is not durable yet: the delivery has ended as its
 * outcome says, and the row counts until it is removed.
 */
void
schedule_finish(struct schedule *schedule, struct queued *row, int64_t now);

/* Rows in the lines of closed destinations whose .look has come go to this
 * one. */
void
schedule_look(struct schedule *schedule, struct destination *to, int64_t now);

/* When there may be something to take for the time alone; SCHEDULE_NEVER. */
int64_t
schedule_next(const struct schedule *schedule);

/* Frees it. */
void
schedule_remove(struct schedule *schedule, struct queued **row);

/* Walks the rows in no particular order: begin with *cursor = 0, NULL for the
 * first. Nothing may be added or removed meanwhile. */
struct queued *
schedule_walk(const struct schedule *schedule, size_t *cursor,
	struct queued *last);

/*
 * Adds the ages at `wall` (s) of the rows in up to `slots` slots of the table from
 * *slot on, which goes on; false when that was the last.
 */
bool
schedule_count_ages(const struct schedule *schedule, size_t *slot,
	size_t slots, int64_t wall, struct histogram_numbers *ages);

/*
 * How long to wait after `attempts` (>= 1) in vain: minimal, doubled each time,
 * at most maximal. All in ms.
 */
int64_t
schedule_back_off(unsigned attempts, int64_t minimal, int64_t maximal);

#endif
