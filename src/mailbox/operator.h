/*
 * The operator's wire to a mailbox process (ARCHITECTURE.md 2.5).
 */
#ifndef MAILBOX_OPERATOR_H
#define MAILBOX_OPERATOR_H

#include "mailbox/mailbox.h"
#include "serve/admin.h"

/* Commands; the context is the struct mailbox. */
extern const struct admin_command mailbox_operator_commands[];

#endif
