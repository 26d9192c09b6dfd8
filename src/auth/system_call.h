/*
 * Asking pam (ARCHITECTURE.md 2.10). At most so many questions of each kind are
 * under way, so that pam, or a module of PAM that hangs, takes no more than its
 * share of auth's workers: whoever comes then is told "later" at once.
 */
#ifndef AUTH_SYSTEM_CALL_H
#define AUTH_SYSTEM_CALL_H

#include "auth/system.h"

enum {
	SYSTEM_CALL_MOST = 12,		/* of each kind, at once */
	SYSTEM_CALL_FIND_WAIT = 4000,	/* ms; a little longer than pam gives */
	SYSTEM_CALL_CHECK_WAIT = 7000,
};

struct lot;

/* Once, before the calls. */
void
system_call_init(struct lot *lot);
void
system_call_fini(void);

extern const struct system_calls system_calls;

#endif
