/*
 * Pages: what is asked, what is answered, and the const table of who answers
 * what. A page sees a whole request and fills in an answer; it does no I/O with
 * the client.
 */
#ifndef WEB_PAGE_H
#define WEB_PAGE_H

#include "base/arena.h"
#include "proto/http.h"
#include "web/web.h"

struct question {
	struct web *web;
	const struct web_rules *rules;
	const struct http_request *request;
	struct span path;		/* decoded */
	struct span host;		/* in small letters; empty: none was said */
	struct span body;
	bool is_tls;
	const struct network_address *client;
	struct arena *arena;
};

struct answer {
	unsigned status;		/* 200 at first */
	const char *type;		/* media type; NULL: no body */
	const char *location;		/* of a redirect; in the arena */
	const char *allow;		/* with 405 */
	const char *file;		/* a name to keep it under, or NULL */
	unsigned age;			/* s a cache may keep it; 0: not at all */
	bool is_strict;			/* the host is asked by TLS only from now on */
	struct buffer body;
};

/* The page of a question; what there is no page for is answered too. */
void
page_answer(const struct question *question, struct answer *answer);

/* Status line, fields and, if it is not for HEAD, the body. wall: seconds. */
void
page_write(struct buffer *out, const struct answer *answer, bool is_head,
	bool is_persistent, int64_t wall);

/* An answer that is only its status, with the words for it as a body. */
void
page_status(struct answer *answer, unsigned status);

#endif
