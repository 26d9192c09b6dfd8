/* What the parts of the process share. Made by main before it serves. */
#ifndef HOSTMASTER_HOSTMASTER_H
#define HOSTMASTER_HOSTMASTER_H

#include "serve/row_call.h"

enum { HOSTMASTER_PATIENCE = 10000 };	/* ms for another process to answer */

struct hostmaster {
	struct row_caller *auth;	/* auth-domains */
};

extern struct hostmaster hostmaster;

#endif
