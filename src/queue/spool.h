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

enum {
	SPOOL_ACCOUNT = 1,
	SPOOL_LOCAL_LIMIT = 100,	/* local recipients of a part */
	SPOOL_SWEEP_LIMIT = 1000,	/* messages removed at once */
};

/* Where a recipient goes. */
struct spool_way {
	enum destination_kind kind;
	struct span key;		/* next hop, for DESTINATION_RELAY */
};

struct spool_options {
	struct store *store;		/* borrowed */
	struct space *space;		/* of its disk; NULL: not looked at */
	/* The shortest and the longest back-off, ms. */
	void (*back_off)(void *context, int64_t *minimal, int64_t *maximal);
	int64_t (*wall)(void);		/* ms; NULL: clock_wall */
	int64_t (*monotonic)(void);	/* ms; NULL: clock_monotonic */
	/* The next hop of an address elsewhere, in the arena or lasting. NULL:
	 * its domain. */
	struct span (*hop)(void *context, struct span address,
		struct arena *arena);
	/* When (wall ms) a message is to be looked at, tried or not, because
	 * its time is over or a warning owed; INT64_MAX: never. NULL: never. */
	int64_t (*look)(void *context, const struct envelope *envelope);
	/* Something is to be tried earlier than anything before. Must not
	 * block. */
	void (*wake)(void *context);
	/* Messages wait for spool_sweep. Must not block. NULL: what is
	 * finished is removed at once. */
	void (*swept)(void *context);
	const struct destination_rules *rules;	/* copied; NULL: standard */
	bool loads_later;		/* with spool_load, while it is in use */
	bool makes_reports;		/* else what a report is owed for rests */
	void *context;			/* of all of them */
};

struct spool {
	struct spool_options options;
	uint32_t inbox;
	uint32_t load_next, load_end;	/* UIDs still to be loaded; of spool_load */
	pthread_mutex_t lock;		/* of all below */
	struct schedule schedule;
	struct recent recent;
	struct queued *finished;	/* taken for ever, to be removed */
	size_t finished_count;
};

/* Opens (or makes) the account and reads what is in it. */
int
spool_open(struct spool *spool, const struct spool_options *options,
	struct error *error);

/*
 * With loads_later: reads the next `count` messages that were there when it was
 * opened; what is due begins to flow at once. 1: there are more, 0: that was
 * all, -1: trouble. One thread at a time.
 */
int
spool_load(struct spool *spool, size_t count, struct error *error);
void
spool_close(struct spool *spool);

enum spool_verdict {
	SPOOL_OK,
	SPOOL_DUPLICATE,	/* this transaction is in it or was: as good as OK */
	SPOOL_FULL,		/* no space; nothing was stored */
	SPOOL_TROUBLE,		/* nothing was stored */
};

/* One message of the spool: the recipients of an envelope that go the same way,
 * as many as one transaction takes. */
struct spool_part {
	struct queued *row;
	struct envelope envelope;	/* its recipients are its own */
};

/* Those that are taken and started. */
struct spool_started {
	struct spool_part *part;	/* in the arena */
	size_t count;
};

/*
 * Stores the message for the recipients that are not DONE, durably, and
 * schedules them. envelope->id is replaced by the queue id (in the arena).
 * started (may be NULL) receives the parts that may be tried at once: they are
 * the caller's, as if he had taken them.
 */
enum spool_verdict
spool_add(struct spool *spool, struct envelope *envelope,
	const struct mail_body *body, struct arena *arena,
	struct spool_started *started, struct error *error);

/* ---- attempts: who takes a row gives it back by settle or postpone ---- */

/* A row whose turn it is, started; or NULL. */
struct queued *
spool_take_due(struct spool *spool);

enum spool_taken { SPOOL_TAKEN, SPOOL_NOT_THERE, SPOOL_IN_USE };
enum spool_taken
spool_take(struct spool *spool, struct span id, struct queued **row);

/* When the next is due (monotonic ms); SCHEDULE_NEVER. */
int64_t
spool_next_due(struct spool *spool);

/* What the delivery that was started said about its destination. It counts when
 * the row is given back; see then whether spool_take_due has another. */
void
spool_end(struct spool *spool, struct queued *row,
	enum destination_outcome outcome);

/* Those that wait for a closed destination and are to be looked at get in the
 * line of reports. */
void
spool_look(struct spool *spool);

/* Counts how old the messages are, for HISTOGRAM_QUEUE_AGE. */
void
spool_count_ages(struct spool *spool);

/* The next hops' rules, from now on. */
void
spool_set_rules(struct spool *spool, const struct destination_rules *rules);

/* There is no relay: nothing is started for it for `wait` ms. */
void
spool_pause_relay(struct spool *spool, int64_t wait);

/* The operator wants the next hop of a row tried, dead or not. */
void
spool_open_destination(struct spool *spool, const struct queued *row);

/* The recipients that go where the row goes now and are due, not more than one
 * transaction takes (in the arena). */
size_t
spool_choose(struct spool *spool, const struct queued *row,
	struct envelope *envelope, struct arena *arena,
	struct recipient ***chosen);

/* The envelope (in the arena) and the body, to be closed by the caller. 1 when
 * the envelope is damaged (the body is open all the same), -1: trouble. */
int
spool_read(struct spool *spool, const struct queued *row, struct arena *arena,
	struct envelope *envelope, struct store_body *body,
	struct error *error);

/*
 * After an attempt: writes how the recipients stand, or lets the message be
 * removed when nobody is left, and gives the row back. When it cannot be
 * written the row is tried again later.
 */
int
spool_settle(struct spool *spool, struct queued **row,
	const struct envelope *envelope, struct error *error);

/* Gives the row back without writing: due in `wait` ms. SCHEDULE_NEVER: not by
 * itself. */
void
spool_postpone(struct spool *spool, struct queued **row, int64_t wait);

/* Gives the row back unchanged, for where and when its envelope says now. */
void
spool_replan(struct spool *spool, struct queued **row,
	const struct envelope *envelope);

/* Gives the row back as it was before it was taken. */
void
spool_put_back(struct spool *spool, struct queued **row);

/*
 * Removes what is finished, durably, all together; 1 when more has come
 * meanwhile, 0 when nothing is left, -1: later. One thread at a time.
 */
int
spool_sweep(struct spool *spool, struct error *error);

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
	struct arena *arena;
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
