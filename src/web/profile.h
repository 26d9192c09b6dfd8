/* A configuration profile for iPhone, iPad and Mac. */
#ifndef WEB_PROFILE_H
#define WEB_PROFILE_H

#include "web/page.h"

/* /mobileconfig?email=ADDRESS; without an address the phone asks for it. */
void
profile_answer(const struct question *question, struct answer *answer);

#endif
