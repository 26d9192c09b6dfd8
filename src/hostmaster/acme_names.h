/*
 * For which names there is to be a certificate: those of acme_names, or
 * myhostname and the names below our mail domains that lead to the same place.
 */
#ifndef HOSTMASTER_ACME_NAMES_H
#define HOSTMASTER_ACME_NAMES_H

#include "base/config.h"
#include "hostmaster/acme_issue.h"

/* Fills plan->names and plan->count; lower case, each once, myhostname first if
 * it is among them, in the arena. -1: auth or the DNS is away, or a name is none
 * (ERROR_USAGE). */
int
acme_names_find(const struct config *config, struct arena *arena,
	struct acme_plan *plan, struct error *error);

#endif
