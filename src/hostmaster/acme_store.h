/*
 * The one copy of what is kept of ACME (trust/acme_state.h), in memory and in
 * acme_chain_file. Only the session of acme.c changes it; any thread reads.
 */
#ifndef HOSTMASTER_ACME_STORE_H
#define HOSTMASTER_ACME_STORE_H

#include "base/error.h"
#include "trust/acme_state.h"

/* Before it is used, and after a reload; fd is master's and stays so. A file
 * that cannot be read is -1, and nothing is written over it. */
int
acme_store_open(int fd, struct error *error);

/* What it points to is in the arena. */
void
acme_store_get(struct arena *arena, struct acme_state *state);

/* On disk when it returns 0; tls is told. */
int
acme_store_put(const struct acme_state *state, struct error *error);

#endif
