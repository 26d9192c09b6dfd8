/* The page at /: how to set up a mail program for this host. */
#ifndef WEB_WELCOME_H
#define WEB_WELCOME_H

#include "web/page.h"

void
welcome_answer(const struct question *question, struct answer *answer);

#endif
