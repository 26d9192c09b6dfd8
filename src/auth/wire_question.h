/* The wires from auth to the processes that ask sources of accounts. */
#ifndef AUTH_WIRE_QUESTION_H
#define AUTH_WIRE_QUESTION_H

#include "auth/question.h"
#include "serve/wire.h"

/* At most so many questions to one source at a time: whatever a source does,
 * the other workers go on. */
void
wire_question_init(struct lot *lot, unsigned most);

/* A question_call_fn. */
int
wire_question_call(const char *kind, unsigned place, struct span request,
	int wait, struct arena *arena, struct tabline *answer,
	struct error *error);

#endif
