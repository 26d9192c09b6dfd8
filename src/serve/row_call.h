/*
 * The caller's side of wires in the form of the operator's (ARCHITECTURE.md
 * 2.5): one request line, any number of ROW, then OK or FAIL.
 */
#ifndef SERVE_ROW_CALL_H
#define SERVE_ROW_CALL_H

#include "proto/tabline.h"
#include "serve/session.h"

enum { ROW_CALL_ROWS = 1000000 };	/* of one answer */

struct row_caller;

/* For wires to this service. Before lot_run. Never NULL. */
struct row_caller *
row_caller_new(struct lot *lot, const char *service);
void
row_caller_free(struct row_caller **caller);

/* A row, or the OK; its fields live until the function returns. */
typedef void
row_function(void *context, const struct tabline *row);

/*
 * Sends COMMAND with the fields already in `fields` (tabline_add_pair) and
 * blocks until the answer is whole, at most until the deadline (monotonic ms).
 * `row` gets each ROW, `done` the OK; both may be NULL. -1: ERROR_REFUSED with
 * FAIL's sentence, or our own trouble.
 */
struct row_request {
	const char *command;
	struct span fields;
	int64_t deadline;
	row_function *row, *done;
	void *context;
};
int
row_call(struct row_caller *caller, const struct row_request *request,
	struct error *error);

#endif
