/* What acme.c, whose thread does the work, tells acme_admin.c. */
#ifndef HOSTMASTER_ACME_INSIDE_H
#define HOSTMASTER_ACME_INSIDE_H

#include <stdbool.h>

/* Is an attempt under way, or asked for? */
bool
acme_is_busy(void);

/* Attempts that have ended so far. */
unsigned
acme_attempts(void);

/* One is made as soon as it can be. */
void
acme_want_now(void);

#endif
