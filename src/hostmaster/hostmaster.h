/* What the parts of the process share. Made by main before it serves. */
#ifndef HOSTMASTER_HOSTMASTER_H
#define HOSTMASTER_HOSTMASTER_H

#include <stdatomic.h>

#include "base/config.h"
#include "serve/fetch_call.h"
#include "serve/key_call.h"
#include "serve/names_call.h"
#include "serve/row_call.h"

enum { HOSTMASTER_PATIENCE = 10000 };	/* ms for another process to answer */

struct hostmaster {
	struct row_caller *auth;	/* auth-domains */
	struct row_caller *records;	/* names-records */
	int kernel;			/* serve/own_addresses.h */
	/* For certificates: */
	struct fetcher *fetcher;
	struct key_caller *keys;
	struct names *names;
	_Atomic(const struct config *) config;
};

extern struct hostmaster hostmaster;

#endif
