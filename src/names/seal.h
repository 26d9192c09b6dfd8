/*
 * The signature of a question (TSIG, RFC 8945 5.2), and that of its answer. Any
 * thread.
 */
#ifndef NAMES_SEAL_H
#define NAMES_SEAL_H

#include "names/message.h"
#include "proto/tsig.h"

struct seal {
	struct tsig_record record;	/* as it came */
	enum tsig_error error;
	struct tsig *tsig;		/* that the answer is signed with; owned; NULL:
					 * its record has no code */
	size_t size;			/* octets of the answer's record */
};

/*
 * Of a question that has one. What is wrong with it becomes the question's
 * refusal; the answer has to be sealed then, too. False: there is nothing to
 * seal, as the record is not where and what it must be.
 */
bool
seal_read(struct seal *seal, struct span bytes, struct message_question *question,
	const struct network_address *client);

/* Appends the record to the answer. False: there is no room for it. */
bool
seal_add(struct seal *seal, uint8_t *message, size_t *size, size_t limit);

/* The same to a message in a buffer from `mark` on, when what it is signed with was
 * kept (seal.tsig). */
bool
seal_add_kept(struct tsig *tsig, struct buffer *out, size_t mark,
	size_t limit);

void
seal_free(struct tsig **tsig);

#endif
