/*
 * Free space on a disk: deliveries stop before it is full (queue_minfree), so
 * that what empties mailboxes can still be written.
 */
#ifndef SERVE_SPACE_H
#define SERVE_SPACE_H

#include <stdatomic.h>

#include "base/config.h"

enum { SPACE_LOOK_AGAIN = 250 };	/* ms an answer is believed */

struct space {
	int directory;			/* on that disk; borrowed */
	_Atomic uint64_t least;		/* bytes */
	_Atomic int64_t looked;		/* when, monotonic ms */
	atomic_bool is_left;
};

void
space_init(struct space *space, int directory);

/* From queue_minfree and message_size_limit; again after a reload. */
void
space_configure(struct space *space, const struct config *config);

/* Any thread. A disk that cannot be asked has space. now: monotonic ms. */
bool
space_is_left(struct space *space, int64_t now);

#endif
