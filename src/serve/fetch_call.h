/*
 * Asking `fetch` for something on the web (wire fetch-https, ARCHITECTURE.md
 * 2.8): HTTPS only, verified against public authorities, no redirects, no more
 * bytes and no longer than said.
 */
#ifndef SERVE_FETCH_CALL_H
#define SERVE_FETCH_CALL_H

#include "base/arena.h"
#include "serve/session.h"

enum {
	FETCH_BODY_LIMIT = 1 << 20,	/* of an answer */
	FETCH_POST_LIMIT = 45000,	/* of what is sent; one line holds it */
	FETCH_URL_LIMIT = 2048,
	FETCH_HEADERS = 4,		/* of an answer that are told */
	FETCH_HEADER_LIMIT = 2048,	/* bytes of a value; longer: not told */
};

/* Why there is no answer. */
enum fetch_problem {
	FETCH_DONE,		/* there is one; its status may be any */
	FETCH_BAD_URL,		/* not https, or not to be understood */
	FETCH_NO_NAME,		/* the host does not exist */
	FETCH_NAMES,		/* nobody knows whether it does */
	FETCH_CONNECT,		/* it does not answer */
	FETCH_CERTIFICATE,	/* it is not trusted, or another's */
	FETCH_TIMEOUT,
	FETCH_TOO_LARGE,
	FETCH_PROTOCOL,		/* anything else that it did wrong */
	FETCH_PROBLEMS
};

struct fetch_request {
	struct span url;
	size_t limit;			/* bytes of the body */
	int64_t deadline;		/* monotonic ms */
	/* For fetch_post: what is sent and its media type. */
	struct span type, body;
	/* Names of header fields that are to be told of, in front; the rest
	 * NULL. They live as long as the answer is used. */
	const char *header[FETCH_HEADERS];
};

struct fetch_answer {
	enum fetch_problem problem;
	unsigned status;		/* DONE: 200 */
	struct span type, body;		/* DONE; the type as it came, or empty */
	/* DONE: values of the fields asked for, in their places; visible ASCII,
	 * empty when absent. */
	struct span header[FETCH_HEADERS];
	struct span reason;		/* otherwise: a sentence for logs and reports */
};

struct fetcher;

/* The caller's end, one for the process. Before lot_run. Never NULL. */
struct fetcher *
fetcher_new(struct lot *lot);
void
fetcher_free(struct fetcher **fetcher);

/*
 * Blocks until the deadline at most. 0: the answer is filled (in the arena),
 * problem or not. -1: our own trouble (fetch is away or busy), which says
 * nothing about the other side.
 */
int
fetch_head(struct fetcher *fetcher, const struct fetch_request *request,
	struct arena *arena, struct fetch_answer *answer, struct error *error);
int
fetch_get(struct fetcher *fetcher, const struct fetch_request *request,
	struct arena *arena, struct fetch_answer *answer, struct error *error);
int
fetch_post(struct fetcher *fetcher, const struct fetch_request *request,
	struct arena *arena, struct fetch_answer *answer, struct error *error);

/* The word on the wire. */
const char *
fetch_problem_name(enum fetch_problem problem);

#endif
