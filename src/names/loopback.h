/*
 * The resolver's own port, dns_resolver_port, on the loopback addresses only:
 * UDP and TCP, for programs of this machine that know no Unix sockets. Opened
 * before the jail; a change needs a restart.
 */
#ifndef NAMES_LOOPBACK_H
#define NAMES_LOOPBACK_H

#include "serve/session.h"

/* 0: nothing is opened. A machine without IPv6 has only the other. `may_be_ours`:
 * dns_port is the same, and where that listens this need not. */
int
loopback_open(unsigned port, bool may_be_ours, struct error *error);

/* Serves what was opened, as sessions of the lot. */
void
loopback_serve(struct lot *lot);

/* After lot_run. */
void
loopback_close(void);

#endif
