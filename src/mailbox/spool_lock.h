/*
 * The lock of this user's file below /var/mail, held by spoollock for as long as
 * the wire lives on which it was asked for. Lock and unlock are those of struct
 * format_location (store/format.h); one holder at a time.
 */
#ifndef MAILBOX_SPOOL_LOCK_H
#define MAILBOX_SPOOL_LOCK_H

#include "serve/wire.h"

/*
 * Once, before the store is used. inbox: the descriptor of a file that was opened
 * for this process, which cannot do it again (root's), or -1. When that file has
 * no name any more the process ends, for one that opens the new file.
 */
void
spool_lock_init(struct lot *lot, int inbox);

int
spool_lock_take(void *context, int64_t deadline, struct error *error);
void
spool_lock_give(void *context);

#endif
