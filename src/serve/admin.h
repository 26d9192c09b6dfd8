/*
 * The server's side of the operator's wires (ARCHITECTURE.md 2.5): one request
 * a line, answered with rows and OK, or FAIL and a sentence.
 */
#ifndef SERVE_ADMIN_H
#define SERVE_ADMIN_H

#include "proto/tabline.h"
#include "serve/listener.h"
#include "serve/stream.h"

enum { ADMIN_PATIENCE = 30000 };	/* ms for a command that does not read */

/* A request while its function runs. */
struct admin_call {
	const struct tabline *fields;	/* COMMAND, ID, key=value... */
	struct arena *arena;
	void *context;
	struct stream *stream;		/* the rest is the server's own */
	struct buffer line;
	bool is_answered;
};

struct admin_command {
	const char *name;
	void (*function)(struct admin_call *call);
};

/* A program's use of it; constant while sessions run. The table ends with a
 * NULL name. Functions run on a worker and may block. */
struct admin_server {
	const struct admin_command *commands;
	void *context;
};

/* Makes a session of a wire and gives it to the lot. Takes incoming->fd. */
void
admin_accept(struct lot *lot, struct incoming *incoming,
	const struct admin_server *server);

/* The value of a key; false (after FAIL was said) when it is missing. */
bool
admin_need(struct admin_call *call, const char *key, struct span *value);

/* A row: begin, any number of fields, end. */
void
admin_row_begin(struct admin_call *call);
void
admin_row_field(struct admin_call *call, const char *key, struct span value);
void
admin_row_number(struct admin_call *call, const char *key, uint64_t number);
/* False when nobody reads any more: stop. */
bool
admin_row_end(struct admin_call *call);

/* An answer that is one line of its own word, instead of the two below: begins
 * it; admin_row_field and admin_row_end go on. */
void
admin_line_begin(struct admin_call *call, struct span word);

/* The end of the answer; one of the two, once. */
void
admin_ok(struct admin_call *call);
void
admin_fail(struct admin_call *call, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
