/*
 * Which process may do what with which keys. Who is asking is what master says
 * of the wire; a process that was taken over reaches no key but its own.
 */
#ifndef KEY_CALLERS_H
#define KEY_CALLERS_H

#include <stdbool.h>

#include "proto/keywire.h"

/* `name` is terminated. False also for operations and names that nobody has. */
bool
callers_may(const char *caller, const char *name, uint32_t operation);

/* Is it a name that a key of the ring can have? */
bool
callers_is_ring_name(const char *name);

#endif
