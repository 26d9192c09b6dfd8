/* The end of IDLE, which comes as a line without tag. */
#ifndef MAILBOX_IMAP_IDLE_H
#define MAILBOX_IMAP_IDLE_H

#include "mailbox/imap/imap.h"

void
imap_idle_end(struct imap_session *imap, struct span line);

#endif
