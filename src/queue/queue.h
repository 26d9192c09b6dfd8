/*
 * The queue process: what its sessions share, and where they begin.
 */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "queue/attempt.h"
#include "queue/deliver.h"
#include "queue/expand.h"
#include "queue/spool.h"
#include "serve/admin.h"
#include "serve/mail_server.h"

enum {
	QUEUE_CUT_THROUGH_LIMIT = 20,	/* local recipients delivered at once */
	QUEUE_CUT_THROUGH_TIME = 10000,	/* ms, for them together */
	QUEUE_RETRY_SESSIONS = 8,	/* spooled messages tried at a time */
	QUEUE_RETRY_TIME = 60000,	/* ms for one of them */
};

/* Tries spooled messages when they are due (retry.c). */
struct retry {
	struct session session;		/* first; holds no descriptor */
	struct queue *queue;
	pthread_mutex_t lock;		/* of the two below */
	bool is_alive;			/* session may be nudged */
	unsigned running;
	struct attempt_clock clock;	/* with the lock held */
};

/* Constant while sessions run, but for what has locks of its own. */
struct queue {
	struct lot *lot;
	struct mail_server server;	/* its context is this queue */
	struct admin_server operator;	/* and here */
	struct expander expander;
	struct deliverer deliverer;
	struct spool spool;
	struct retry retry;
	pthread_mutex_t lock;		/* of rules */
	struct attempt_rules rules;
};

/* processes: mailbox processes. Everything but the spool, which is opened
 * inside the jail. */
void
queue_init(struct queue *queue, struct lot *lot, unsigned processes);

/* After lot_run. */
void
queue_fini(struct queue *queue);

/* A reload changes them while sessions run. */
void
queue_set_rules(struct queue *queue, const struct attempt_rules *rules);
struct attempt_rules
queue_rules(struct queue *queue);

/* ---- receive.c: a transaction from smtpd; the server's deliver ---- */

void
receive_transaction(const struct mail_server *server,
	struct mail_transaction *transaction, struct buffer *replies);

/* ---- retry.c ---- */

void
retry_init(struct retry *retry, struct queue *queue);
/* Gives the session to the lot. */
void
retry_start(struct retry *retry);
/* The spool's options, with the queue as context. */
void
retry_wake(void *queue);
void
retry_back_off(void *queue, int64_t *minimal, int64_t *maximal);

/* ---- operator.c: queue-admin; context is the queue ---- */

extern const struct admin_command queue_operator_commands[];

#endif
