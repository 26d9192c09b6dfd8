/* DATA and BDAT: content comes in, and at its end goes to the queue. */
#ifndef SMTPD_CONTENT_H
#define SMTPD_CONTENT_H

#include "smtpd/conversation.h"

void
content_data(struct conversation *conversation, struct span argument);
void
content_bdat(struct conversation *conversation, struct span argument);

/* Takes what has arrived in PHASE_DATA or PHASE_CHUNK; false when nothing is
 * there to take. */
bool
content_take(struct conversation *conversation);

/* PHASE_FINISH: passes the message on and answers; false when that waits for
 * its turn. */
bool
content_finish(struct conversation *conversation);

#endif
