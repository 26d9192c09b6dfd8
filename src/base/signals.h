/* Signals that are read from a descriptor: nothing interrupts anything. */
#ifndef BASE_SIGNALS_H
#define BASE_SIGNALS_H

#include "base/error.h"

/* A signalfd(2) for TERM, INT, HUP and CHLD, which are blocked from now on; PIPE
 * is ignored. O_NONBLOCK, O_CLOEXEC. */
int
signals_open(struct error *error);

#endif
