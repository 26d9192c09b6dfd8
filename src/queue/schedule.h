/*
 * When what is spooled is tried again: every message of the spool is in memory
 * as one small row; those that have something to be tried stand in a heap by
 * time. A row is taken for an attempt by one session at a time.
 *
 * Time (monotonic ms) is a parameter. Not locked: the spool holds its lock.
 */
#ifndef QUEUE_SCHEDULE_H
#define QUEUE_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"

#define SCHEDULE_NEVER INT64_MAX

/* A message of the spool. */
struct queued {
	char *id;
	uint32_t uid;		/* in the spool's INBOX */
	bool is_taken;		/* an attempt is under way */
	bool is_damaged;	/* its envelope cannot be read */
	int64_t due;		/* SCHEDULE_NEVER: nothing to try */
	size_t place;		/* in the heap; SIZE_MAX: not in it */
};

struct schedule {
	struct map by_id;
	struct queued **heap;
	size_t count, room;
};

void
schedule_init(struct schedule *schedule);
/* Frees the rows too. */
void
schedule_fini(struct schedule *schedule);

/* A new row, not scheduled; NULL when there is one of that id. */
struct queued *
schedule_add(struct schedule *schedule, struct span id, uint32_t uid);

struct queued *
schedule_find(const struct schedule *schedule, struct span id);

/* Sets when it is due and gives it back (not taken any more). */
void
schedule_set(struct schedule *schedule, struct queued *row, int64_t due);

/* The row that is due longest, now taken; NULL when none is due. */
struct queued *
schedule_take(struct schedule *schedule, int64_t now);

/* Takes this one, whenever it is due; false when somebody has it. */
bool
schedule_take_row(struct schedule *schedule, struct queued *row);

/* When the next one is due; SCHEDULE_NEVER. */
int64_t
schedule_next(const struct schedule *schedule);

/* Frees it. */
void
schedule_remove(struct schedule *schedule, struct queued **row);

/*
 * How long to wait after `attempts` (>= 1) in vain: minimal, doubled each time,
 * at most maximal. All in ms.
 */
int64_t
schedule_back_off(unsigned attempts, int64_t minimal, int64_t maximal);

#endif
