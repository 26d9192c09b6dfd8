/* Which mail domains are ours, as auth says (wire auth-domains). */
#ifndef HOSTMASTER_DOMAINS_H
#define HOSTMASTER_DOMAINS_H

#include "base/arena.h"
#include "serve/row_call.h"

enum { DOMAINS_LIMIT = 10000 };		/* those beyond are left out */

struct domains_row {
	struct span name;		/* lower case, as mail is addressed */
	bool is_configured;		/* stands in mydestination */
};

struct domains {
	struct domains_row *row;	/* in the order of their names */
	size_t count;
};

/* Names in A-labels. Everything is in the arena. -1: auth is away. */
int
domains_ask(struct row_caller *auth, int64_t deadline, struct arena *arena,
	struct domains *domains, struct error *error);

#endif
