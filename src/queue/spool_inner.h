/*
 * Inside the spool: what spool.c, spool_add.c and spool_attempt.c share.
 */
#ifndef QUEUE_SPOOL_INNER_H
#define QUEUE_SPOOL_INNER_H

#include "queue/spool.h"

int64_t
spool_monotonic(const struct spool *spool);

/* A handle whose records carry the trace (NULL: none); NULL with error. */
struct store_account *
spool_account(struct spool *spool, const char *trace, struct error *error);

/* The error of a verdict that is not OK; returns -1. */
int
spool_trouble(enum store_verdict verdict, struct error *error,
	const char *what);

/* The shortest and the longest back-off, ms. */
int64_t
spool_shortest_wait(const struct spool *spool);

/* Where a recipient goes; the key is in the arena or lasts. */
struct spool_way
spool_way_of(const struct spool *spool, const struct recipient *recipient,
	struct arena *arena);

/* What becomes of a message next: due SCHEDULE_NEVER when nothing does. */
struct spool_plan {
	struct spool_way way;
	int64_t due;			/* monotonic ms */
	uint32_t look;			/* monotonic s; 0: never */
};
struct spool_plan
spool_plan_of(const struct spool *spool, const struct envelope *envelope,
	struct arena *arena);

/* Schedules a row that is the caller's; it is not any more. */
void
spool_give_back(struct spool *spool, struct queued **row,
	const struct spool_plan *plan);

/* With the lock held. */
struct destination *
spool_destination(struct spool *spool, const struct spool_way *way);
void
spool_count_length(struct spool *spool);

/* Frees the row of a message that is not there (any more). */
void
spool_forget(struct spool *spool, struct queued **row);

#endif
