/*
 * Does a system user have a .forward? His mailbox process may not read it: it
 * sees his mail and nothing else of his. That it is there is all it says; what
 * stands in it the process pipe reads (ARCHITECTURE.md 2.4).
 */
#ifndef MAILBOX_LMTP_FORWARD_H
#define MAILBOX_LMTP_FORWARD_H

#include <stdbool.h>

#include "base/span.h"

/* ~/.forward, or ~/.forward+detail of this local part; whatever it is. */
bool
forward_is_there(const char *home, const char *delimiters, struct span local);

#endif
