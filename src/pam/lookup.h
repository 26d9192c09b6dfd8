/* LOOKUP: who is this, asked of the machine's name service (NSS). */
#ifndef PAM_LOOKUP_H
#define PAM_LOOKUP_H

#include "pam/question.h"

/* Appends the answer without its end. May hang for ever: run in a child. */
void
lookup_answer(const struct question *question, struct buffer *out);

#endif
