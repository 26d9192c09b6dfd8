/* The items of STATUS, which LIST returns as well (RFC 5819). */
#ifndef MAILBOX_IMAP_STATUS_H
#define MAILBOX_IMAP_STATUS_H

#include "mailbox/imap/imap.h"

/* "(MESSAGES UIDNEXT ...)" as a set of bits. */
bool
imap_status_parse(struct imap_parse *parse, unsigned *items);

/* Asking for HIGHESTMODSEQ enables CONDSTORE (RFC 7162 3.1). */
void
imap_status_enable(struct imap_session *imap, unsigned items);

/* "* STATUS"; false when there is no such mailbox (any more), or NO was said. */
bool
imap_status_tell(struct imap_session *imap, struct imap_command *command,
	struct span name, unsigned items);

#endif
