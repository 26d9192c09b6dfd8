/* A bounded number inside, a line outside. */
#include "serve/turnstile.h"

#include <assert.h>

void
turnstile_init(struct turnstile *turnstile, unsigned most)
{
	*turnstile = (struct turnstile){ .most = most > 0 ? most : 1 };
	turnstile->last = &turnstile->first;
	pthread_mutex_init(&turnstile->lock, NULL);
}

void
turnstile_fini(struct turnstile *turnstile)
{
	assert(turnstile->inside == 0 && turnstile->first == NULL);
	pthread_mutex_destroy(&turnstile->lock);
}

static void
line_up(struct turnstile *turnstile, struct turn *turn, int64_t now)
{
	turn->turnstile = turnstile;
	turn->next = NULL;
	turn->deadline = now + TURNSTILE_PATIENCE;
	atomic_store(&turn->state, TURN_WAITING);
	*turnstile->last = turn;
	turnstile->last = &turn->next;
	turnstile->waiting++;
}

static void
step_out_of_line(struct turnstile *turnstile, struct turn *turn)
{
	struct turn **link = &turnstile->first;
	while (*link != turn)
		link = &(*link)->next;
	*link = turn->next;
	if (turn->next == NULL)
		turnstile->last = link;
	turnstile->waiting--;
}

enum turnstile_verdict
turnstile_enter(struct turnstile *turnstile, struct turn *turn, int64_t now)
{
	enum turnstile_verdict verdict = TURNSTILE_ENTERED;
	unsigned state = atomic_load(&turn->state);
	if (state == TURN_GRANTED && turn->turnstile == turnstile) {
		atomic_store(&turn->state, TURN_NONE);
		return TURNSTILE_ENTERED;
	}
	turnstile_withdraw(turn, now);
	if (state == TURN_REFUSED)
		return TURNSTILE_LATER;
	pthread_mutex_lock(&turnstile->lock);
	if (turnstile->inside < turnstile->most && turnstile->first == NULL) {
		if (turnstile->inside++ == 0)
			turnstile->progress = now;
	} else if (turnstile->waiting >= TURNSTILE_LINE ||
	    now - turnstile->progress > TURNSTILE_SILENCE) {
		verdict = TURNSTILE_LATER;
	} else {
		line_up(turnstile, turn, now);
		turn->has_lined_up = true;
		verdict = TURNSTILE_WAIT;
	}
	pthread_mutex_unlock(&turnstile->lock);
	return verdict;
}

/* Under the lock, so that the session cannot end before it is nudged. */
static void
leave_locked(struct turnstile *turnstile, int64_t now)
{
	struct turn *next = turnstile->first;
	turnstile->progress = now;
	if (next == NULL) {
		assert(turnstile->inside > 0);
		turnstile->inside--;
		return;
	}
	step_out_of_line(turnstile, next);
	atomic_store(&next->state, TURN_GRANTED);
	session_nudge(next->session);
}

void
turnstile_leave(struct turnstile *turnstile, int64_t now)
{
	pthread_mutex_lock(&turnstile->lock);
	leave_locked(turnstile, now);
	pthread_mutex_unlock(&turnstile->lock);
}

void
turnstile_withdraw(struct turn *turn, int64_t now)
{
	struct turnstile *turnstile = turn->turnstile;
	unsigned state = atomic_load(&turn->state);
	if (state == TURN_WAITING || state == TURN_GRANTED) {
		pthread_mutex_lock(&turnstile->lock);
		/* It may have been granted a moment ago. */
		if (atomic_load(&turn->state) == TURN_GRANTED)
			leave_locked(turnstile, now);
		else
			step_out_of_line(turnstile, turn);
		pthread_mutex_unlock(&turnstile->lock);
	}
	atomic_store(&turn->state, TURN_NONE);
	turn->turnstile = NULL;
}

void
turnstile_expire(struct turn *turn, int64_t now)
{
	turnstile_withdraw(turn, now);
	atomic_store(&turn->state, TURN_REFUSED);
}

bool
turn_is_waiting(const struct turn *turn)
{
	return atomic_load(&turn->state) == TURN_WAITING;
}

bool
turn_has_waited(const struct turn *turn)
{
	unsigned state = atomic_load(&turn->state);
	return state == TURN_GRANTED || state == TURN_REFUSED;
}
