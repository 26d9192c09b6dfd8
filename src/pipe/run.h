/*
 * One run of a program: by argv, never by a shell, in a process group of its
 * own, with a deadline. It gets the message as standard input and nothing else
 * that this process has; no_new_privs holds for it too, so set-user-id programs
 * gain nothing.
 */
#ifndef PIPE_RUN_H
#define PIPE_RUN_H

#include "base/buffer.h"
#include "base/error.h"

struct run {
	char *const *argv, *const *environment;
	const char *directory;		/* "/" when it cannot be entered */
	int input;			/* read from its beginning */
	int64_t deadline;		/* monotonic ms */
	struct buffer *output;		/* its first bytes, as its limit allows */
};

enum run_end {
	RUN_EXITED,			/* by itself: number is the code */
	RUN_KILLED,			/* by a signal: number */
	RUN_TOO_LONG,			/* the deadline came */
	RUN_NOT_STARTED,		/* error says why */
};

/* Blocks until it has ended; then nothing of its process group is left. */
enum run_end
run_program(const struct run *run, int *number, struct error *error);

#endif
