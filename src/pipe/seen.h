/*
 * What this process has delivered within the hour: a transaction that comes
 * again, because its reply was lost, runs nothing twice. Only in memory: when
 * the process ends meanwhile, a program may run a second time.
 */
#ifndef PIPE_SEEN_H
#define PIPE_SEEN_H

#include <pthread.h>

#include "base/map.h"

enum { SEEN_TIME = 3600000 /* ms */, SEEN_LIMIT = 10000 };

struct seen {
	pthread_mutex_t lock;		/* of all */
	struct map entries;		/* -> int64_t, when it is over */
	int64_t cleaned;
};

void
seen_init(struct seen *seen);
void
seen_fini(struct seen *seen);

/* now: monotonic ms. */
bool
seen_has(struct seen *seen, struct span key, int64_t now);
void
seen_put(struct seen *seen, struct span key, int64_t now);

#endif
