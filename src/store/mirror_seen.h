/*
 * The transactions of deliveries that this process knows of, for an hour at
 * least: two tables, of which the older is dropped when the younger is an hour
 * old, or full. Not locked: the mirror's table lock is held.
 */
#ifndef STORE_MIRROR_SEEN_H
#define STORE_MIRROR_SEEN_H

#include "base/map.h"
#include "store/store.h"

enum {
	MIRROR_SEEN_SECONDS = 3600,
	MIRROR_SEEN_LIMIT = 50000,	/* of a table */
};

struct mirror_seen {
	struct map young, old;
	int64_t turned;			/* seconds */
};

void
mirror_seen_init(struct mirror_seen *seen);
void
mirror_seen_fini(struct mirror_seen *seen);

void
mirror_seen_put(struct mirror_seen *seen, uint32_t mailbox,
	const uint8_t *transaction, int64_t now);
bool
mirror_seen_has(const struct mirror_seen *seen, uint32_t mailbox,
	const uint8_t *transaction);

#endif
