/*
 * The thread that keeps the records right: it looks when domains, certificates,
 * addresses or the configuration have changed, and now and then anyway.
 */
#ifndef HOSTMASTER_WORK_H
#define HOSTMASTER_WORK_H

#include "base/error.h"

enum {
	WORK_TICK = 1000,		/* ms between two looks at what is cheap */
	WORK_LOOK = 10000,		/* at addresses and certificates */
	WORK_AGAIN = 60000,		/* when nothing seems to have changed, */
	WORK_RETRY = 3000,		/* and after a failure */
	WORK_PATIENCE = 60000,		/* for all of it */
};

void
work_start(void);

/* Something has changed. Any thread; does not wait. */
void
work_wake(void);

/* Brings everything up to date before it returns. -1: what could not be. Not on
 * the housekeeping thread. */
int
work_do(struct error *error);

#endif
