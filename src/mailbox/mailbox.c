/*
 * What the protocols of a mailbox process share.
 */
#include "mailbox/mailbox.h"

#include "base/clock.h"

bool
mailbox_has_space(const struct mailbox *mailbox)
{
	return mailbox->space == NULL ||
		space_is_left(mailbox->space, clock_monotonic());
}
