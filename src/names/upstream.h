/*
 * One way of finding answers: a libunbound context with its cache, which asks
 * the given servers, or the root's and whom they name, and validates or not.
 * Everything here belongs to one thread, the one that runs the event base.
 */
#ifndef NAMES_UPSTREAM_H
#define NAMES_UPSTREAM_H

#include "base/error.h"
#include "names/message.h"
#include "names/sources.h"

struct event_base;
struct upstream;

struct upstream_options {
	struct event_base *base;
	struct sources_servers servers;	/* none: from the root on */
	struct span anchors;		/* text of the file; empty: nothing is
					 * validated */
	struct span insecure;		/* list of domains not validated */
	uint64_t cache_size;		/* bytes, of all its caches */
};

/* Nothing is asked yet. Reads no file and needs no path. */
int
upstream_new(const struct upstream_options *options,
	struct upstream **upstream, struct error *error);

/* Questions under way get a failure in it, or nothing. */
void
upstream_free(struct upstream **upstream);

/* The answer is valid during the call. */
typedef void
upstream_function(void *context, const struct message_answer *answer);

/* Of a question under way; the caller's, until the function was called. */
struct upstream_call {
	upstream_function *function;
	void *context;
};

/*
 * The function is called once, perhaps before this returns; unbound gives up
 * by itself, but may take a minute.
 */
void
upstream_ask(struct upstream *upstream, const struct dns_question *asked,
	struct upstream_call *call);

#endif
