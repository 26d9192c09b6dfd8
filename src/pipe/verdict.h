/*
 * What the end of a program means for the mail (sysexits.h, as pipe(8) and
 * local(8) of Postfix read it), as a reply.
 */
#ifndef PIPE_VERDICT_H
#define PIPE_VERDICT_H

#include "base/arena.h"
#include "pipe/run.h"

struct verdict {
	unsigned code;			/* 250, 451, 550 */
	const char *status;		/* "5.3.0" */
	struct span text;
};

/* output: what it said; its first line goes into the sentence, cleaned. */
struct verdict
verdict_of_run(enum run_end end, int number, struct span output,
	struct arena *arena);

/* what: "file". Texts are borrowed. */
struct verdict
verdict_delivered(const char *what);
struct verdict
verdict_later(const char *sentence);
struct verdict
verdict_loop(void);

#endif
