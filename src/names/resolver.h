/*
 * The resolver: one thread that runs libunbound, takes questions from all
 * sessions and gives answers back. It chooses whom to ask, in this order:
 *
 *	servers		dns_forwarders, or the system's, validating
 *	root		the root's servers and whom they name, validating
 *	unvalidated	the servers again, believing what they say; never once
 *			validation has worked in this process
 *
 * With dns_forwarders the root's servers are never asked. Until the first has
 * shown that it works, questions wait. When the chosen one does not answer any
 * more the others are tried, and the better one is returned to when it works.
 */
#ifndef NAMES_RESOLVER_H
#define NAMES_RESOLVER_H

#include "names/upstream.h"

enum {
	RESOLVER_QUESTIONS_LIMIT = 4096,	/* under way, all clients */
	RESOLVER_PATIENCE = 15000,	/* ms until a question is given up */
};

struct resolver;

enum resolver_validation { RESOLVER_WHEN_POSSIBLE, RESOLVER_YES, RESOLVER_NO };

/* Spans are copied. */
struct resolver_settings {
	struct sources_servers servers;
	bool are_forwarders;		/* chosen by the administrator */
	enum resolver_validation validation;
	struct span anchors, insecure;
	uint64_t cache_size;
};

/* Makes the contexts; no thread yet. Before the jail. */
int
resolver_new(const struct resolver_settings *settings,
	struct resolver **resolver, struct error *error);

/* Starts the thread. In the jail. */
void
resolver_start(struct resolver *resolver);

/* Other settings; questions under way are asked again. Any thread. */
void
resolver_configure(struct resolver *resolver,
	const struct resolver_settings *settings);

/* Ends the thread; questions that wait are never answered. */
void
resolver_free(struct resolver **resolver);

/*
 * On any thread. The function is called once on the resolver's thread, within
 * RESOLVER_PATIENCE; it must not wait. False, and it is not called, when too
 * many questions are under way: those of strangers may be half of them.
 */
bool
resolver_ask(struct resolver *resolver, const struct dns_question *asked,
	bool is_stranger, upstream_function *function, void *context);

#endif
