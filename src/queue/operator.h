/*
 * What the operator's commands have in common: which messages they are about.
 */
#ifndef QUEUE_OPERATOR_H
#define QUEUE_OPERATOR_H

#include "queue/queue.h"

/*
 * By id=, sender=, recipient=, domain= (of a recipient, with those below it),
 * state=; what is not given is empty and chooses all. Addresses are compared
 * without case. A message is chosen when some recipient of it is.
 */
struct choice {
	struct span id, sender, recipient, domain, state;
};

/* From the fields of the request. */
void
choice_read(const struct admin_call *call, struct choice *choice);
/* Is something chosen, or everything? */
bool
choice_is_all(const struct choice *choice);
bool
choice_has_message(const struct choice *choice,
	const struct spool_message *message);
bool
choice_has_recipient(const struct choice *choice,
	const struct recipient *recipient);

/* QUEUE-RETRY, -HOLD, -RELEASE, -DELETE: a choice, or all=yes. */
void
operator_retry(struct admin_call *call);
void
operator_hold(struct admin_call *call);
void
operator_release(struct admin_call *call);
void
operator_delete(struct admin_call *call);

#endif
