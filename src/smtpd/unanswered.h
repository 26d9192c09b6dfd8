/*
 * Transactions whose reply a client may not have seen. A client that got no
 * answer sends the same again; under the id of the first try every mailbox
 * that has it says 250 without storing twice. Who got his answer and sends the
 * same again means it, and gets a new id.
 *
 * Kept for an hour, bounded: the oldest goes first. In memory only: after a
 * crash of this process what was open at it may be delivered twice.
 */
#ifndef SMTPD_UNANSWERED_H
#define SMTPD_UNANSWERED_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/smtp.h"

enum {
	UNANSWERED_KEEP = 3600000,	/* ms */
	UNANSWERED_LIMIT = 65536,	/* transactions */
};

/* What makes two tries the same (handoff_identify), and the id of the first. */
struct unanswered_try {
	uint8_t fingerprint[SMTP_TRANSACTION_SIZE];
	uint8_t transaction[SMTP_TRANSACTION_SIZE];
};

/* Locks inside. */
struct unanswered;

struct unanswered *
unanswered_new(void);
void
unanswered_free(struct unanswered **unanswered);

/*
 * Sets try->transaction for try->fingerprint: that of an earlier try without
 * an answer, which is then no longer remembered, or a new random one. now:
 * monotonic ms.
 */
void
unanswered_choose(struct unanswered *unanswered, struct unanswered_try *try,
	int64_t now);

/* The client may not know how this try ended. */
void
unanswered_remember(struct unanswered *unanswered,
	const struct unanswered_try *try, int64_t now);

/* ---- tries whose answers a client has not shown that it saw ---- */

/* In LMTP there is one for each recipient. Empty: all zero, without memory. */
struct unanswered_list {
	struct unanswered_try *try;
	uint32_t count, room;
};

void
unanswered_list_add(struct unanswered_list *list,
	const struct unanswered_try *try);

/* They were seen. */
void
unanswered_list_clear(struct unanswered_list *list);

/* They may not have been: all are remembered, and the list is empty. */
void
unanswered_list_remember(struct unanswered_list *list,
	struct unanswered *unanswered, int64_t now);

#endif
