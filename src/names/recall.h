/*
 * Answers of the resolver that are still good, so that a question asked again
 * is answered by the thread that read it, without waking the library's. Whoever
 * uses it asks by name and type; proofs are in the answer for those who want
 * them. Any thread.
 */
#ifndef NAMES_RECALL_H
#define NAMES_RECALL_H

#include "names/message.h"

enum {
	RECALL_SHARDS = 64,
	RECALL_PACKET = 8192,		/* octets; what is longer is not kept */
	RECALL_TIME = 86400,		/* s at most */
};

/* Before any other; `size` bytes in all. */
void
recall_init(size_t size);

/* Nothing of it is believed any more. */
void
recall_clear(void);

/* Keeps a copy until the first of its records is too old. Failures, and what
 * has no records, are not kept. `now` is monotonic ms. */
void
recall_put(const struct dns_question *asked,
	const struct message_answer *answer, int64_t now);

/* Calls the function with what is kept and its age, valid during the call, which
 * must not wait; false: nothing is. */
bool
recall_use(const struct dns_question *asked, int64_t now,
	void (*use)(void *context, const struct message_answer *answer),
	void *context);

#endif
