/*
 * Inside the library: what lot.c, worker.c, listener.c and housekeeping.c know
 * of the lot. Programs see it through session.h and listener.h only.
 *
 * Order of locks: none of them is ever held while another is taken.
 */
#ifndef SERVE_LOT_H
#define SERVE_LOT_H

#include <sys/epoll.h>

#include "proto/control.h"
#include "serve/group.h"
#include "serve/listener.h"

enum {
	LOT_WORKERS_LIMIT = 1024,
	LOT_WORKERS_FIRST = 8,		/* the others begin when they are needed */
	LOT_STACK_SIZE = 256 * 1024,
	LOT_LISTENERS_LIMIT = 256,
};

/* Marks in epoll that are not a slot's: above every slot number. */
#define LOT_MARK_WAKE UINT64_MAX
#define LOT_MARK_LISTENER(i) (UINT64_MAX - 1 - (i))
#define LOT_MARK_IS_LISTENER(mark) \
	((mark) >= LOT_MARK_LISTENER(LOT_LISTENERS_LIMIT - 1))

struct listener {
	_Atomic int fd;			/* -1: unused */
	uint64_t inode;			/* of the socket: which one it is */
	char name[CONTROL_NAME_SIZE];
	const struct service *service;
	struct network_address local;	/* what it is bound to */
	bool is_wildcard;		/* each connection is asked for its own */
	_Atomic bool is_resting;	/* out of descriptors; tried again later */
};

struct lot {
	unsigned workers;		/* at most */
	pthread_mutex_t start_lock;	/* of threads */
	pthread_t threads[LOT_WORKERS_LIMIT];
	atomic_uint started;		/* of them; only grows */
	int epoll, wake;		/* wake: eventfd, edge-triggered */
	int housekeeping;		/* eventfd that ends its sleep */
	atomic_bool is_asleep;		/* housekeeping waits without a tick */
	uint64_t last_total;		/* sessions begun at the last tick */
	int64_t idle_limit;		/* ms; 0: it does not end by itself */
	_Atomic uint64_t runs;		/* of sessions, if there is an idle_limit */
	/* housekeeping's */
	uint64_t last_runs;		/* at the last tick */
	int64_t active;			/* monotonic ms of the last tick that saw
					 * something to do */
	uint64_t offers;		/* wires that came */
	atomic_bool is_stopping, is_ended;
	atomic_bool is_retiring;
	void (*retire)(void);		/* lot_on_retire */
	int64_t retire_most;		/* ms */
	int64_t retire_began, retire_until;	/* monotonic ms */
	atomic_uint idle;		/* workers in epoll_wait */

	unsigned seats;			/* workers that look for work at a time; 0: all */
	pthread_mutex_t seat_lock;	/* of the following */
	pthread_cond_t seat_free;
	unsigned seated, standing;	/* with a seat, and waiting for one */
	atomic_uint ended_workers;

	pthread_mutex_t queue_lock;	/* of the run queue */
	struct slot *queue_first, *queue_last;
	atomic_uint queue_length;

	struct slot_table slots;
	struct group_table groups;

	const struct service *services;
	void (*reload)(const struct config *config);
	void (*settle)(uint32_t serial);
	struct listener listeners[LOT_LISTENERS_LIMIT];
};

/* lot.c: ends the sleep of the housekeeping thread. */
void
lot_wake_housekeeping(struct lot *lot);

/* worker.c */
void *
worker_main(void *lot);

/* Begins `count` threads more, but not more than lot->workers in all. */
void
worker_start(struct lot *lot, unsigned count);

/* The calling worker, if it is one, is about to wait: another gets its seat. */
void
worker_stand(void);
/* Those who wait for a seat look whether the lot has ended. */
void
worker_end_waiting(struct lot *lot);

/* Puts an OWNED slot into the run queue and wakes a worker if one is idle. */
void
worker_enqueue(struct lot *lot, struct slot *slot);

/* The same, but the calling worker runs it next when it can. */
void
worker_enqueue_next(struct lot *lot, struct slot *slot);

/* listener.c: a connection is waiting; returns after at most one accept. */
void
listener_accept(struct lot *lot, struct listener *listener);

/* Hands an incoming wire to its service; fd is taken. */
void
listener_take_wire(struct lot *lot, const struct control_message *message,
	int *fd);
/* Begins to accept on it; fd is taken. */
void
listener_add(struct lot *lot, const struct control_message *message, int *fd);
/* Tries those that rest again. */
void
listener_wake_resting(struct lot *lot);
/* Accepts on none of them any more; others do. */
void
listener_leave_all(struct lot *lot);
/* When no worker runs any more. */
void
listener_close_all(struct lot *lot);

#endif
