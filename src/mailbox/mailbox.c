/*
 * What the protocols of a mailbox process share.
 */
#include "mailbox/mailbox.h"

#include "base/clock.h"
#include "proto/account_id.h"

bool
mailbox_has_account(const struct mailbox *mailbox, uint64_t account)
{
	return account_id_is_served_by(account, mailbox->instance,
		mailbox->processes);
}

bool
mailbox_has_space(const struct mailbox *mailbox)
{
	return mailbox->space == NULL ||
		space_is_left(mailbox->space, clock_monotonic());
}
