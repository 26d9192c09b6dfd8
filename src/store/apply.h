/*
 * What each kind of record does to an account. The same functions run when an
 * operation is executed and when the log is replayed, so that both come to the
 * same state. Callers of single kinds have validated; a replay meets whatever
 * the disk gave and leaves out what makes no sense.
 *
 * All return -1 only when the index is broken (change->is_broken).
 */
#ifndef STORE_APPLY_H
#define STORE_APPLY_H

#include "store/change.h"

int
apply_place(struct change *change, const struct record_place *place,
	uint64_t modseq);
int
apply_found(struct change *change, const struct record_found *found,
	uint64_t modseq);
/* Of the head only. */
void
apply_delivered(struct change *change,
	const struct record_delivered *delivered);
int
apply_flags(struct change *change, const struct record_flags *flags,
	uint64_t modseq);
/* *expunged (may be NULL) receives the UIDs that were there. */
int
apply_expunge(struct change *change, const struct record_expunge *expunge,
	uint64_t modseq, struct number_set *expunged);
int
apply_copy(struct change *change, const struct record_copy *copy,
	uint64_t modseq);
void
apply_entry(struct change *change, const struct record_entry *entry,
	uint64_t modseq);
void
apply_mailbox_gone(struct change *change, uint32_t mailbox);
void
apply_keyword(struct change *change, const struct record_keyword *keyword,
	uint64_t modseq);
void
apply_annotation(struct change *change,
	const struct record_annotation *annotation, uint64_t modseq);
/*
 * The payload of a moved record, which is right. is_written: its message
 * records are in the log, and what has none is left where it is; else their
 * places will be known when the group is.
 */
int
apply_moved(struct change *change, struct span payload, bool is_written);

/* What the flags become. */
uint64_t
apply_new_flags(enum store_change change, uint64_t old, uint64_t flags);

#endif
