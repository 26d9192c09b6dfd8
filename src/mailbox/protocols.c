/*
 * The protocols that connections are handed over for.
 */
#include "mailbox/mailbox.h"

const struct mailbox_protocol mailbox_protocols[] = {
	{ .service = NULL },
};
