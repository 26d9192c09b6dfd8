/*
 * Calls to other processes. A wire is one end of a socket pair that master
 * made between two processes; which may have one stands in etc/services. Wires
 * are kept in a pool per service and instance and reused; a wire on which
 * anything went wrong is closed.
 *
 * A call is straight-line: take a wire, write, read with a deadline, give it
 * back. The bulkhead of the service is entered by wire_take and left by
 * wire_give or wire_drop.
 */
#ifndef SERVE_WIRE_H
#define SERVE_WIRE_H

#include <sys/types.h>

#include "serve/session.h"
#include "serve/stream.h"

struct wire {
	struct stream stream;
	bool is_new;		/* first use: the protocol's greeting comes */
	unsigned epoch;		/* of wire_refresh, when it was asked for */
	struct wire_pool *pool;
	struct wire *next;
};

struct wire_pool;

/* service and instance as in etc/services: ("mailbox-lmtp", 1). Never NULL. */
struct wire_pool *
wire_pool_new(struct lot *lot, const char *service, unsigned instance);

/*
 * The most calls at a time, instead of half of the workers: for callers that
 * park on the wire and hold no worker while they wait.
 */
void
wire_pool_set_most(struct wire_pool *pool, unsigned most);

/*
 * Many callees that are one crowd (processes on demand, one for each user): at
 * most half of our workers wait for all of them together. `bulkhead` begins as
 * zeros and outlives the pool. Before the pool is used.
 */
void
wire_pool_share(struct wire_pool *pool, struct bulkhead *bulkhead);

/* Closes the wires that are kept. Nobody may be using the pool any more. */
void
wire_pool_free(struct wire_pool **pool);

/*
 * A wire that is ready, kept or new, within `deadline` (monotonic ms, also
 * sets the stream's). NULL with ERROR_LATER when half of our workers already
 * wait for this callee, or the callee is away.
 */
struct wire *
wire_take(struct wire_pool *pool, int64_t deadline, struct error *error);

/*
 * The same, but never a kept one, and those that are kept are closed: for the
 * second attempt after the callee ended before it said anything, as processes
 * on demand do when they have had nothing to do.
 */
struct wire *
wire_take_fresh(struct wire_pool *pool, int64_t deadline, struct error *error);

/*
 * Several processes that do the same, taken by turns; one that is away or busy
 * is passed over. count: at least 1.
 */
struct wire_set;
struct wire_set *
wire_set_new(struct lot *lot, const char *service, unsigned count);
void
wire_set_free(struct wire_set **set);
struct wire *
wire_set_take(struct wire_set *set, int64_t deadline, struct error *error);

/* Other processes have taken the callees' places: those wires that are kept are
 * closed, in all pools, and the others when they are given back. */
void
wire_refresh(void);

/* The exchange is complete and nothing unread is left. */
void
wire_give(struct wire **wire);

/* The exchange failed: closes it. */
void
wire_drop(struct wire **wire);

/* For handing a connection over: sends bytes and descriptors in one message. */
int
wire_send_fds(int socket, struct span bytes, const int *fds, size_t count,
	struct error *error);

/*
 * Receives one message (SOCK_SEQPACKET or a first read of SOCK_STREAM) with up
 * to `room` descriptors, all O_CLOEXEC. The number of bytes, 0 at the end of
 * file, -1 on error (EAGAIN in error->number: nothing there). Never waits.
 * Unexpected descriptors are closed.
 */
ssize_t
wire_receive_fds(int socket, void *bytes, size_t size, int *fds, size_t room,
	size_t *count, struct error *error);

#endif
