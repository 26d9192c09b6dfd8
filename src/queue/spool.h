/*
 * The spool: the queue's own account, with the rows of the schedule beside it.
 * doc/formats/spool.md describes what is stored and what a crash leaves.
 */
#ifndef QUEUE_SPOOL_H
#define QUEUE_SPOOL_H

#include <pthread.h>

#include "queue/envelope.h"
#include "queue/recent.h"
#include "queue/schedule.h"
#include "serve/mail_body.h"
#include "serve/space.h"
#include "store/view.h"

enum { SPOOL_ACCOUNT = 1 };

struct spool_options {
	struct store *store;		/* borrowed */
	struct space *space;		/* of its disk; NULL: not looked at */
	/* The shortest and the longest back-off, ms. */
	void (*back_off)(void *context, int64_t *minimal, int64_t *maximal);
	int64_t (*wall)(void);		/* ms; NULL: clock_wall */
	int64_t (*monotonic)(void);	/* ms; NULL: clock_monotonic */
	/* Something is due earlier than anything before. Must not block. */
	void (*wake)(void *context);
	void *context;			/* of back_off and wake */
};

struct spool {
	struct spool_options options;
	uint32_t inbox;
	pthread_mutex_t lock;		/* of the two below */
	struct schedule schedule;
	struct recent recent;
};

/* Opens (or makes) the account and reads what is in it. */
int
spool_open(struct spool *spool, const struct spool_options *options,
	struct error *error);
void
spool_close(struct spool *spool);

enum spool_verdict {
	SPOOL_OK,
	SPOOL_DUPLICATE,	/* this transaction is in it or was: as good as OK */
	SPOOL_FULL,		/* no space; nothing was stored */
	SPOOL_TROUBLE,		/* nothing was stored */
};

/*
 * Stores the message for the recipients that are not DONE, durably, and
 * schedules them. envelope->id is replaced by the queue id (in the arena).
 */
enum spool_verdict
spool_add(struct spool *spool, struct envelope *envelope,
	const struct mail_body *body, struct arena *arena, struct error *error);

/* ---- attempts: who takes a row gives it back by settle or postpone ---- */

/* A row that is due, or NULL. */
struct queued *
spool_take_due(struct spool *spool);

enum spool_taken { SPOOL_TAKEN, SPOOL_NOT_THERE, SPOOL_IN_USE };
enum spool_taken
spool_take(struct spool *spool, struct span id, struct queued **row);

/* When the next is due (monotonic ms); SCHEDULE_NEVER. */
int64_t
spool_next_due(struct spool *spool);

/* The envelope (in the arena) and the body, to be closed by the caller. 1 when
 * the envelope is damaged (the body is open all the same), -1: trouble. */
int
spool_read(struct spool *spool, const struct queued *row, struct arena *arena,
	struct envelope *envelope, struct store_body *body,
	struct error *error);

/*
 * After an attempt: writes how the recipients stand, or removes the message
 * when nobody is left, and gives the row back. When it cannot be written the
 * row is tried again later.
 */
int
spool_settle(struct spool *spool, struct queued **row,
	const struct envelope *envelope, struct error *error);

/* Gives the row back without writing: due in `wait` ms. SCHEDULE_NEVER: not by
 * itself. */
void
spool_postpone(struct spool *spool, struct queued **row, int64_t wait);

/* Gives the row back as it was before it was taken. */
void
spool_put_back(struct spool *spool, struct queued **row);

/* Removes the message whatever is left of it. */
int
spool_remove(struct spool *spool, struct queued **row, struct error *error);

/* ---- looking ---- */

/* A message of the spool; envelope NULL: damaged. Lives during the visit. */
struct spool_message {
	const char *id;
	uint32_t uid;
	uint64_t size;
	int64_t received;		/* seconds */
	const struct envelope *envelope;
};

/* Visits all that were there when it began; the visitor returns 0 to go on,
 * -1 to stop. */
int
spool_visit(struct spool *spool, int (*visitor)(void *context,
	const struct spool_message *message), void *context,
	struct error *error);

size_t
spool_length(struct spool *spool);

#endif
