/*
 * What an attempt to deliver means for a recipient: finished, tried again, or
 * owed a report. Pure: time is a parameter.
 */
#ifndef QUEUE_ATTEMPT_H
#define QUEUE_ATTEMPT_H

#include "queue/envelope.h"

/* After an attempt without an answer the next one comes while the mailbox
 * still knows the transaction (doc/formats/spool.md). */
enum {
	ATTEMPT_UNCERTAIN_WAIT = 1800000,	/* ms */
	ATTEMPT_WARNING_ASKED = 14400000,	/* ms; NOTIFY=DELAY */
};

/* How long to go on; ms. */
struct attempt_rules {
	int64_t minimal, maximal;	/* back-off */
	int64_t lifetime, bounce_lifetime;
	int64_t warning;		/* until a sender is warned; 0: when he
					 * asked, after ATTEMPT_WARNING_ASKED */
};

/*
 * The recipient has a reply of an attempt that ended at `now` (wall ms): sets
 * state, attempts, last and next. may_expire: the clock can be believed.
 */
void
attempt_judge(const struct attempt_rules *rules,
	const struct envelope *envelope, struct recipient *recipient,
	int64_t now, bool may_expire);

/* When delivery to those that are left ends, and when the sender is to be warned
 * (INT64_MAX: never, or he was); wall ms. */
int64_t
attempt_end(const struct attempt_rules *rules,
	const struct envelope *envelope);
int64_t
attempt_warning(const struct attempt_rules *rules,
	const struct envelope *envelope, const struct recipient *recipient);

/* A recipient that waits and was not tried now: gives up when it has been too
 * long, and owes a warning when it is time. */
void
attempt_look(const struct attempt_rules *rules,
	const struct envelope *envelope, struct recipient *recipient,
	int64_t now, bool may_expire);

/* Refused for good before any attempt (reply set): BOUNCE or DONE. */
void
attempt_refuse(const struct envelope *envelope, struct recipient *recipient);

/*
 * Can the wall clock be believed? It can when it has not jumped by more than an
 * hour against the monotonic clock for `long_enough` ms. Zero the struct first.
 */
enum { ATTEMPT_CLOCK_STEADY = 7200000 };	/* ms; less for short lifetimes */
struct attempt_clock {
	bool is_set;
	int64_t offset, steady_since;
};
bool
attempt_clock_is_steady(struct attempt_clock *clock, int64_t wall,
	int64_t monotonic, int64_t long_enough);

/* What the log says beside the recipient. */
struct attempt_facts {
	const char *hop;		/* next hop; NULL: a mailbox */
	unsigned instance;		/* of the mailbox process */
	uint64_t size;
	int64_t delay;			/* ms */
};

/* One line in the log about an attempt that has been judged. */
void
attempt_log(const struct envelope *envelope, const struct recipient *recipient,
	const struct attempt_facts *facts);

#endif
