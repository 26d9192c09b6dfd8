/*
 * The transactions that were spooled within the last hour, so that a client
 * that lost our 250 and sends again is answered without storing twice.
 *
 * Time (monotonic ms) is a parameter. Not locked: the spool holds its lock.
 */
#ifndef QUEUE_RECENT_H
#define QUEUE_RECENT_H

#include "base/map.h"
#include "store/store.h"

enum {
	RECENT_TIME = 3600000,	/* ms */
	RECENT_LIMIT = 65536,	/* the oldest go first */
};

struct recent_entry {
	uint8_t transaction[STORE_TRANSACTION_SIZE];
	int64_t end;
};

struct recent {
	struct map entries;
	struct recent_entry *ring;	/* oldest at first */
	size_t first, count, room;
};

void
recent_init(struct recent *recent);
void
recent_fini(struct recent *recent);

/* Remembers it until `end`; what is remembered already stays as it is. */
void
recent_put(struct recent *recent, const uint8_t *transaction, int64_t now,
	int64_t end);

bool
recent_has(struct recent *recent, const uint8_t *transaction, int64_t now);

#endif
