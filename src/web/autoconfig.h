/* Settings for Thunderbird and those that ask as it does. */
#ifndef WEB_AUTOCONFIG_H
#define WEB_AUTOCONFIG_H

#include "web/page.h"

/* /mail/config-v1.1.xml and /.well-known/autoconfig/mail/config-v1.1.xml */
void
autoconfig_answer(const struct question *question, struct answer *answer);

#endif
