/*
 * The ways to the mailbox processes: pools of wires, and whether each still
 * answers. Those that share the virtual accounts are always known; those of
 * system users are many, and are known while they are used and a while longer.
 */
#ifndef QUEUE_WAYS_H
#define QUEUE_WAYS_H

#include "base/map.h"
#include "queue/health.h"
#include "serve/wire.h"

enum { WAYS_KEPT = 256 };	/* of system users, when nobody uses them */

/* The way to one process. */
struct way {
	struct wire_pool *pool;
	struct health health;
	uint64_t account;		/* of a system user; 0: a shared process */
	unsigned users;			/* .lock of the ways */
	struct way *older, *newer;	/* the same; used by nobody now */
};

struct ways {
	struct lot *lot;
	unsigned processes;		/* that share the virtual accounts */
	struct way *shared;
	struct bulkhead owners;		/* all processes of system users together */
	pthread_mutex_t lock;		/* of all below */
	struct map by_account;
	struct way *oldest, *newest;	/* of those that nobody uses */
	size_t kept;
};

void
ways_init(struct ways *ways, struct lot *lot, unsigned processes);
void
ways_fini(struct ways *ways);

/* Equal for accounts that one process serves; for the log. */
uint64_t
ways_process(const struct ways *ways, uint64_t account);

/* The way to the process that has the account; never NULL. Followed by give. */
struct way *
ways_take(struct ways *ways, uint64_t account);
void
ways_give(struct ways *ways, struct way **way);

#endif
