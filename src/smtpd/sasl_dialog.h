/* AUTH (RFC 4954): the dialogue of a login, led by auth's mechanisms. */
#ifndef SMTPD_SASL_DIALOG_H
#define SMTPD_SASL_DIALOG_H

#include "smtpd/conversation.h"

/* " SCRAM-SHA-256 PLAIN": what EHLO offers now; nothing when AUTH is not
 * offered. */
void
sasl_dialog_offer(const struct conversation *conversation, struct buffer *out);

void
sasl_dialog_auth(struct conversation *conversation, struct span argument);

/* A line in PHASE_SASL. */
void
sasl_dialog_line(struct conversation *conversation, struct span line);

/* Gives an exchange under way up, without a word to the client. */
void
sasl_dialog_drop(struct conversation *conversation);

#endif
