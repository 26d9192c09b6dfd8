/*
 * The queue process: what its sessions share, and where they begin.
 */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include <stdatomic.h>

#include "queue/attempt.h"
#include "queue/carry.h"
#include "queue/deliver.h"
#include "queue/drop.h"
#include "queue/expand.h"
#include "queue/report.h"
#include "queue/route.h"
#include "queue/spool.h"
#include "queue/tls_report.h"
#include "serve/admin.h"
#include "serve/mail_server.h"

enum {
	QUEUE_CUT_THROUGH_LIMIT = 20,	/* local recipients delivered at once */
	QUEUE_CUT_THROUGH_TIME = 10000,	/* ms, for them together */
	QUEUE_LOCAL_CARRIES = 8,	/* spooled messages into mailboxes at once */
	QUEUE_RELAY_CALLS = 960,	/* to relay at once: as many as it has workers
				 * for; beyond that they would wait there, where
				 * nobody takes turns */
	QUEUE_PROGRAMS = 40,		/* of aliases and .forward at once */
	QUEUE_PROGRAMS_OWNED = 4,	/* of one uid, which may hang for long */
	QUEUE_SLOW = 5000,		/* ms of a delivery to a slow next hop */
	QUEUE_RETRY_TIME = 60000,	/* ms for one into mailboxes */
	QUEUE_RELAY_AWAY = 1000,	/* ms until it is looked for again */
};

/* Starts what is due (retry.c), and removes what is finished. */
struct retry {
	struct session schedule, sweep;	/* hold no descriptor */
	struct queue *queue;
	pthread_mutex_t lock;		/* of all below */
	bool is_scheduling, is_sweeping;	/* the session may be nudged */
	struct attempt_clock clock;
	int64_t next_look, next_ages;	/* these of the schedule's session */
	bool is_loading;
};

/* Constant while sessions run, but for what has locks of its own. */
struct queue {
	struct lot *lot;
	struct mail_server server;	/* its context is this queue */
	struct admin_server operator;	/* and here */
	struct expander expander;
	struct deliverer deliverer;
	struct wire_pool *relay;	/* "relay-lmtp" */
	const struct routes *_Atomic routes;
	_Atomic uint64_t parcels;	/* bytes of messages held in memory */
	struct spool spool;
	struct retry retry;
	struct drop_folder drop;
	struct tls_report_post tls_reports;
	atomic_bool is_retiring;	/* another queue takes over */
	pthread_mutex_t lock;		/* of the two below */
	struct attempt_rules rules;
	struct report_rules reports;	/* of the configuration */
	struct destination_rules next_hops;	/* of the configuration */
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

void
queue_set_report_rules(struct queue *queue, const struct report_rules *rules);
struct report_rules
queue_report_rules(struct queue *queue);

/* The routes from now on; older ones stay valid until queue_fini. Takes them. */
void
queue_set_routes(struct queue *queue, struct routes **routes);
const struct routes *
queue_routes(const struct queue *queue);

/* ---- receive.c: a transaction from smtpd; the server's deliver ---- */

void
receive_transaction(const struct mail_server *server,
	struct mail_transaction *transaction, struct buffer *replies);

/* ---- retry.c ---- */

void
retry_init(struct retry *retry, struct queue *queue);
/* Gives the sessions to the lot. */
void
retry_start(struct retry *retry);
/* Begins the attempts whose turn it is. */
void
retry_go_on(struct queue *queue);
/* Can the wall clock be believed so far that mail may expire? */
bool
retry_may_expire(struct retry *retry);
/* The spool's options, with the queue as context. */
void
retry_wake(void *queue);
void
retry_swept(void *queue);
void
retry_back_off(void *queue, int64_t *minimal, int64_t *maximal);
int64_t
retry_look(void *queue, const struct envelope *envelope);
struct span
retry_hop(void *queue, struct span address, struct arena *arena);

/* ---- operator.c: queue-admin; context is the queue ---- */

extern const struct admin_command queue_operator_commands[];

#endif
