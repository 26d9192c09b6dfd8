/* What this server can: CAPABILITY and ENABLE, from one table. */
#ifndef MAILBOX_IMAP_CAPABILITY_H
#define MAILBOX_IMAP_CAPABILITY_H

#include "mailbox/imap/imap.h"

/* Appends " IMAP4rev1 ..." of a logged-in session. */
void
imap_capability_list(const struct imap_session *imap, struct buffer *out);

#endif
