/*
 * Bringing an account's state up to the log: the records that the index has not
 * applied, or all of them when the index (or the head) has to be made again.
 */
#ifndef STORE_REPLAY_H
#define STORE_REPLAY_H

#include "store/change.h"

/*
 * Applies what the log has after `from` (NULL: everything, to an empty state)
 * and publishes it; `does_head` also makes what the head says. -1: the log
 * cannot be read, or the index is broken (index->is_broken).
 */
int
replay_log(struct account *account, struct index *index,
	const struct log_applied *from, bool does_head, struct error *error);

#endif
