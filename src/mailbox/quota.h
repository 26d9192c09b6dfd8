/*
 * Telling auth which accounts are over their quota, so that RCPT can refuse
 * mail for them: QUOTA on auth-ticket, behind the back of whoever stored.
 */
#ifndef MAILBOX_QUOTA_H
#define MAILBOX_QUOTA_H

#include "mailbox/mailbox.h"
#include "serve/wire.h"

/* Once, before sessions run; gives a session to the lot. */
void
quota_start(struct lot *lot, struct wire_pool *auth);

/*
 * Is this news about the account? For mailbox_quota_note: remembers the state.
 * What is not known yet is news.
 */
bool
quota_is_news(uint64_t account, bool is_over);

#endif
