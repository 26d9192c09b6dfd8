/* The special uses of mailboxes as IMAP names them (RFC 6154 2). */
#ifndef MAILBOX_IMAP_USES_H
#define MAILBOX_IMAP_USES_H

#include "store/store.h"

/* The use of that name without its backslash, in any case; 0: unknown. */
unsigned
imap_use_of(struct span name);

/* The name of the lowest use in the set, "\\Sent", which is taken out; NULL
 * when the set is empty. */
const char *
imap_use_take(unsigned *uses);

#endif
