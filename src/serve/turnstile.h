/*
 * How many conversations may wait for one callee, each on a worker of its own,
 * and an orderly line for those beyond: they are parked without a thread and
 * nudged when it is their turn. So a busy callee makes nobody a "later", and
 * one that does not answer at all takes only its share of the workers.
 */
#ifndef SERVE_TURNSTILE_H
#define SERVE_TURNSTILE_H

#include <pthread.h>

#include "serve/session.h"

enum {
	TURNSTILE_PATIENCE = 15000,	/* ms in the line, at most */
	TURNSTILE_SILENCE = 3000,	/* ms without any coming out: who comes
					 * then is not let into the line */
	TURNSTILE_LINE = 10000,		/* in the line, at most */
};

struct turnstile {
	pthread_mutex_t lock;		/* of what follows, and of .next of turns */
	unsigned inside, most, waiting;
	int64_t progress;		/* when one last came out, or the first
					 * went in; monotonic ms */
	struct turn *first, **last;
};

enum turn_state {
	TURN_NONE,
	TURN_WAITING,			/* in the line: park */
	TURN_GRANTED,			/* has a place inside, not yet used */
	TURN_REFUSED,			/* waited too long */
};

/* A conversation's part in it; zeroed at first, .session set. */
struct turn {
	struct session *session;
	struct turnstile *turnstile;	/* while WAITING or GRANTED */
	struct turn *next;
	atomic_uint state;		/* enum turn_state; WAITING becomes GRANTED
					 * under the lock, by who comes out */
	bool has_lined_up;		/* enter said WAIT; the caller's to clear */
	int64_t deadline;		/* of waiting */
};

/* most: at least 1. */
void
turnstile_init(struct turnstile *turnstile, unsigned most);
void
turnstile_fini(struct turnstile *turnstile);

enum turnstile_verdict {
	TURNSTILE_ENTERED,		/* followed by turnstile_leave */
	TURNSTILE_WAIT,			/* park until nudged, then enter again: the
					 * turn may have come already */
	TURNSTILE_LATER,		/* there is no use in waiting */
};

enum turnstile_verdict
turnstile_enter(struct turnstile *turnstile, struct turn *turn, int64_t now);

/* Gives the place to the first in the line. */
void
turnstile_leave(struct turnstile *turnstile, int64_t now);

/* Out of the line, and what was granted goes to the next: TURN_NONE. */
void
turnstile_withdraw(struct turn *turn, int64_t now);

/* The deadline has come: as withdraw, but the next enter says LATER. */
void
turnstile_expire(struct turn *turn, int64_t now);

bool
turn_is_waiting(const struct turn *turn);

/* Has it waited, so that what it begins now it has begun before? */
bool
turn_has_waited(const struct turn *turn);

#endif
