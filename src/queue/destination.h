/*
 * A next hop that mail is waiting for: how many deliveries to it may run at
 * once, whether it is closed because nobody answered there, and the line of
 * rows that are due for it. Destinations take turns, so a huge or slow one
 * delays no other.
 *
 *	concurrency	begins at .initial, grows by one for each round of
 *			successes up to .limit, shrinks by one for each failure
 *	unwritten	deliveries that are done but not written down; with those
 *			that run no more than twice the window, so that a crash
 *			repeats few, however slow the disk is
 *	closed		when nobody answered and nothing succeeded since as many
 *			attempts as ran at once; then one probe at a time, ever
 *			more rarely
 *	unproven	nothing has succeeded there yet, or what did took long:
 *			all of these together get no more than three quarters of
 *			the calls to relay, and one each when a quarter is used,
 *			so that hundreds that hang leave room for those that work
 *
 * Time (monotonic ms) is a parameter. Not locked: the spool holds its lock.
 */
#ifndef QUEUE_DESTINATION_H
#define QUEUE_DESTINATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct queued;

enum destination_kind {
	DESTINATION_LOCAL,	/* mailboxes; their processes have their own
				 * health (health.h) */
	DESTINATION_REPORT,	/* reports to be made */
	DESTINATION_PIPE,	/* programs and files of one uid */
	DESTINATION_RELAY,	/* for the relay */
	DESTINATION_KINDS
};

enum destination_outcome {
	DESTINATION_GOOD,	/* it answered */
	DESTINATION_SLOW,	/* good, but it took long */
	DESTINATION_BUSY,	/* it answered, and wants fewer at once */
	DESTINATION_DEAD,	/* nobody answered */
	DESTINATION_UNKNOWN,	/* says nothing about it */
};

/* Those with a line stand in one of these. */
enum destination_ring {
	RING_LOCAL, RING_REPORT, RING_PIPE, RING_PROVEN, RING_UNPROVEN,
	RING_CLOSED, RING_COUNT,
	RING_NONE = RING_COUNT
};

struct destination_rules {
	unsigned initial, limit;	/* concurrency of a next hop */
	unsigned calls;			/* of all next hops together */
	unsigned local;			/* messages into mailboxes at once */
	unsigned programs, owned;	/* programs at once, and of one uid */
	unsigned recipients;		/* of one delivery to a next hop */
	int64_t minimal, maximal;	/* between probes, ms */
};

struct destination {
	struct destination *chain;	/* of the table */
	struct destination *next, *previous;	/* in its ring */
	struct queued *first, *last;	/* the line */
	size_t length;			/* of the line */
	size_t rows;			/* that name it, in line or not */
	int64_t closed_until;		/* 0: open */
	float window;			/* how many may run */
	uint16_t running;
	uint32_t unwritten;		/* done, but not durably */
	uint16_t failures;		/* since the last success */
	uint16_t closings;		/* since the last success */
	uint8_t kind;			/* enum destination_kind */
	uint8_t ring;			/* enum destination_ring */
	bool is_proven;
	char key[];			/* next hop, lower case */
};

struct destinations {
	struct destination_rules rules;
	struct destination **slot;	/* a table of chains */
	size_t slot_count, count;
	struct destination *ring[RING_COUNT];	/* whose turn it is; circular */
	unsigned turn;			/* which ring is asked first */
	int64_t paused_until;		/* nothing is given to relay; 0: not */
	int64_t next_opening;		/* not later than the first of the closed */
	unsigned running[DESTINATION_KINDS];
	unsigned unproven;		/* of those to relay */
};

void
destinations_init(struct destinations *all);
/* Frees them; rows are the schedule's. */
void
destinations_fini(struct destinations *all);

/* Made when there is none. Keys are compared without case. */
struct destination *
destination_get(struct destinations *all, enum destination_kind kind,
	struct span key);
/* NULL when there is none. */
struct destination *
destination_find(const struct destinations *all, enum destination_kind kind,
	struct span key);

/* Puts the row at the end of its line, or takes it out of it. */
void
destination_line_up(struct destinations *all, struct destination *destination,
	struct queued *row);
void
destination_leave(struct destinations *all, struct destination *destination,
	struct queued *row);

/* The first row of the next destination in turn that may start one, already
 * started; NULL: nobody may. */
struct queued *
destination_next(struct destinations *all, int64_t now);

/* May one more be started now? */
bool
destination_may_start(const struct destinations *all,
	const struct destination *destination, int64_t now);
/* Counts a delivery that begins, and one that has ended. */
void
destination_start(struct destinations *all, struct destination *destination);
void
destination_end(struct destinations *all, struct destination *destination,
	enum destination_outcome outcome, int64_t now);

/* A row names it no more; without rows it is forgotten, unless something is
 * known of it. */
void
destination_drop(struct destinations *all, struct destination *destination);

/* relay itself is away: nothing is started for it until then. */
void
destination_pause(struct destinations *all, int64_t until);

/* When the first of those that have a line may open again; INT64_MAX. */
int64_t
destination_next_opening(const struct destinations *all);

/* The operator wants it tried now. */
void
destination_open(struct destinations *all, struct destination *destination);

#endif
