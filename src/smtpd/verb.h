/* The table of commands, and those that concern no transaction. */
#ifndef SMTPD_VERB_H
#define SMTPD_VERB_H

#include "smtpd/conversation.h"

/* Executes one command line. */
void
verb_execute(struct conversation *conversation, struct span line);

#endif
