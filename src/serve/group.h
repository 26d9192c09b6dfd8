/*
 * Inside the lot: at most two sessions of one group (an account) run at once;
 * further ones wait here, so that one busy account does not take all workers.
 */
#ifndef SERVE_GROUP_H
#define SERVE_GROUP_H

#include "serve/slot.h"

enum { GROUP_RUN_LIMIT = 2, GROUP_LIMIT = 256 };

struct group_table {
	pthread_mutex_t lock;		/* of everything below */
	unsigned count;
	struct group {
		uint64_t id;
		unsigned running;
		struct slot *first, *last;	/* waiting */
	} groups[GROUP_LIMIT];		/* those that run; at most one a worker */
};

void
group_table_init(struct group_table *table);
void
group_table_fini(struct group_table *table);

/* True: run it, then group_leave. False: it waits and is no longer yours. */
bool
group_enter(struct group_table *table, uint64_t id, struct slot *slot);

/* The session that may run now in its place (already entered), or NULL. */
struct slot *
group_leave(struct group_table *table, uint64_t id);

#endif
