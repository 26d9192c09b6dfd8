/*
 * Where mail for another host goes next: transport_maps (transport(5) of
 * Postfix: user@domain, domain, .parent.domain, *), relayhost, or the domain of
 * the recipient. What is found is the next hop as relay wants it
 * (ARCHITECTURE.md 2.4): "domain" is looked up with MX, "[host]", "[host]:port"
 * and "host:port" are not. No I/O but reading the table once.
 */
#ifndef QUEUE_ROUTE_H
#define QUEUE_ROUTE_H

#include "base/arena.h"
#include "base/error.h"

enum {
	ROUTE_TABLE_LIMIT = 64 << 20,	/* bytes of transport_maps */
	ROUTE_HOP_LIMIT = 280,		/* bytes of a next hop */
};

struct routes;

/*
 * relayhost may be empty. table: the text of transport_maps, copied; `name` is
 * its name in errors. ERROR_USAGE: a line or relayhost is wrong.
 */
int
routes_new(struct span relayhost, struct span table, const char *name,
	struct routes **routes, struct error *error);
/* With all that it keeps. */
void
routes_free(struct routes **routes);

/* The older ones (NULL: none) live as long as these: sessions may still look at
 * them. */
void
routes_keep(struct routes *routes, const struct routes *older);

enum route_verdict {
	ROUTE_HOP,
	ROUTE_NEVER,		/* error: in the table, or not a domain */
	ROUTE_LATER,		/* retry: in the table */
};

struct route {
	enum route_verdict verdict;
	struct span hop;	/* lower case, A-labels; HOP only */
	struct span status, text;	/* "5.1.2" and a sentence; else */
};

/* The address is one that is not ours. Spans live in the arena or as long as
 * the routes. */
void
route_find(const struct routes *routes, struct span address,
	struct arena *arena, struct route *route);

#endif
