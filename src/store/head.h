/*
 * The head record of an account and its base: what a delivery needs to know,
 * as bytes and back (doc/formats/records.md, "Head"). By the leader.
 */
#ifndef STORE_HEAD_H
#define STORE_HEAD_H

#include "store/account.h"

/* The working version; replaces what is in *out. */
void
head_encode(const struct account *account, struct buffer *out);

/* A base: mailboxes and transactions of the working version. */
void
head_encode_base(const struct account *account, struct buffer *out);

/* Fills the working version of an account, whose log is open and which nobody
 * else knows yet. */
int
head_decode(struct account *account, struct span head, struct error *error);

/* The mailboxes and transactions of a base, into the working version; the
 * reader goes on behind it. */
void
head_read_base(struct account *account, struct codec_reader *reader);

/* Are the heads since the last base long enough for a new one? */
bool
head_wants_base(const struct account *account);

/* A mailbox goes from the list. */
void
head_mailbox_gone(struct account *account, uint32_t mailbox);

/* A base with this size is durable at this position. */
void
head_has_base(struct account *account, struct log_position position,
	uint64_t size);

/* The next head holds everything itself. */
void
head_forget_base(struct account *account);

/* ---- transactions ---- */

uint64_t
head_transaction_key(struct span transaction, uint32_t mailbox);
bool
head_transaction_is_known(const struct account *account, uint64_t key,
	int64_t second);
void
head_transaction_add(struct account *account, uint64_t key, int64_t second);
/* Forgets what is too old or too much; when they are published. */
void
head_transactions_trim(struct account *account, int64_t second);

#endif
