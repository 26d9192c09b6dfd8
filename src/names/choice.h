/*
 * Which of the ways of finding answers is used (resolver.h): what is known of
 * each, when to try them, and what follows. No I/O; time is a parameter.
 */
#ifndef NAMES_CHOICE_H
#define NAMES_CHOICE_H

#include <stdbool.h>
#include <stdint.h>

enum choice_candidate {		/* the best first */
	CHOICE_SERVERS, CHOICE_ROOT, CHOICE_UNVALIDATED, CHOICE_COUNT
};

enum {
	CHOICE_FIRST_WAIT = 2000,	/* ms before the others are tried too */
	CHOICE_WAIT = 5000,	/* ms after which no answer is a failure */
	CHOICE_RETRY = 5000,	/* ms between rounds while nothing works */
	CHOICE_LOOK_BACK = 60000,	/* ms between rounds while a worse one is
				 * used than could be */
	CHOICE_FAILURES = 4,	/* one after the other: is it still there? */
};

struct choice {
	struct {
		bool is_possible;
		enum { CHOICE_UNTRIED, CHOICE_TRIED, CHOICE_WORKS,
			CHOICE_BROKEN } state;	/* in this round */
	} candidate[CHOICE_COUNT];
	unsigned current;
	bool is_made;		/* once: questions are asked */
	bool was_reachable;	/* at the end of the last round */
	bool has_validated;	/* unvalidated never again */
	bool is_round;		/* candidates are being tried */
	int64_t began;		/* the round */
	int64_t next;		/* when the next one begins */
	unsigned failures;	/* of questions, since the last success */
};

/* At least one is possible. The first round begins with the first turn. */
void
choice_init(struct choice *choice, const bool possible[CHOICE_COUNT],
	int64_t now);

unsigned
choice_current(const struct choice *choice);

/* False until the first round is over: questions wait. */
bool
choice_is_made(const struct choice *choice);

/* False while nothing works. */
bool
choice_is_reachable(const struct choice *choice);

/* What came of a question to the current one. */
void
choice_note(struct choice *choice, bool is_failure);

/* What came of trying a candidate. */
void
choice_probed(struct choice *choice, unsigned candidate, bool works);

enum choice_event {
	CHOICE_NOTHING,
	CHOICE_CHANGED,		/* another one (or the first) is chosen */
	CHOICE_FAILED,		/* nothing works any more; it stays as it was */
};

/* At least once a second, and after choice_probed. Sets the bits of those that
 * are to be tried now. */
enum choice_event
choice_turn(struct choice *choice, int64_t now, unsigned *to_probe);

#endif
