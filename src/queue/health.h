/*
 * Whether a process that we call still answers. When calls wait and no answer
 * has come to any of them for HEALTH_SILENCE, it is taken for stuck: who waits
 * gives up, who comes is told "later" at once, and one call at a time goes on
 * trying until something answers. So a stopped process costs its callers that
 * time once, not for every message.
 *
 * Time (monotonic ms) is a parameter. Locks inside; nothing blocks.
 */
#ifndef QUEUE_HEALTH_H
#define QUEUE_HEALTH_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { HEALTH_SILENCE = 3000 };	/* ms */

struct health {
	pthread_mutex_t lock;	/* of all */
	unsigned waiting;	/* calls under way */
	int64_t progress;	/* last answer, or when the first call began */
	bool is_stuck;
};

void
health_init(struct health *health);
void
health_fini(struct health *health);

/* Begins a call; false: do not, it is stuck. Every true is followed by leave. */
bool
health_enter(struct health *health, int64_t now);

/* Something came back. */
void
health_answered(struct health *health, int64_t now);

/* How long a call may wait for an answer. When that has passed and nothing is
 * there, health_silent is called before giving up. */
int64_t
health_wait_until(struct health *health);

/*
 * Nothing was there to read at `now`. (Who waited too long because this process
 * itself was stopped finds the answer there, and blames nobody.)
 */
void
health_silent(struct health *health, int64_t now);

void
health_leave(struct health *health);

#endif
