/*
 * The networks that this machine is attached to, as the kernel knows them now.
 * The socket that asks it is opened before the jail.
 */
#ifndef NAMES_ATTACHED_H
#define NAMES_ATTACHED_H

#include "base/error.h"
#include "base/network.h"

enum { ATTACHED_FRESH = 10000 /* ms */ };

int
attached_open(struct error *error);
void
attached_close(void);

/* Is it in a private network (RFC 1918, RFC 4193) that we have an address in?
 * When not, the kernel is asked again at most each ATTACHED_FRESH. Any thread. */
bool
attached_is_neighbour(const struct network_address *client);

/* Is it an address of this machine? */
bool
attached_is_own(const struct network_address *address);

#endif
