/* Bulkheads: one slow callee takes at most half of the workers. */
#include <assert.h>

#include "serve/lot.h"

bool
bulkhead_enter(struct bulkhead *bulkhead, const struct lot *lot)
{
	unsigned most = lot->workers / 2 > 0 ? lot->workers / 2 : 1;
	if (atomic_fetch_add(&bulkhead->waiting, 1) < most)
		return true;
	atomic_fetch_sub(&bulkhead->waiting, 1);
	return false;
}

void
bulkhead_leave(struct bulkhead *bulkhead)
{
	unsigned before = atomic_fetch_sub(&bulkhead->waiting, 1);
	assert(before > 0);
}
