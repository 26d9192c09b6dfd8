/*
 * Who changes an account, and when it is durable. Every operation is queued on
 * its account; the first of those who wait becomes the leader, takes what is
 * queued as one group, prepares each operation on top of the others, and makes
 * all of it durable with one append. Those who come meanwhile are the next
 * group, and one of them is its leader. Nobody holds a lock across the append.
 */
#ifndef STORE_COMMIT_H
#define STORE_COMMIT_H

#include <semaphore.h>
#include <sys/uio.h>

#include "store/change.h"

struct group;

/* On the stack of the one who waits, first member of what he asks for. */
struct op {
	/* Validates, applies to the working version, emits records; refuses
	 * before it has changed anything. Run by the leader, on any thread. */
	enum store_verdict (*prepare)(struct op *op, struct group *group);
	bool needs_index;
	bool is_alone;			/* in its group */
	bool is_question;		/* changes nothing: waits for nobody */
	unsigned records;		/* at most; 0 is taken for 1 */
	uint64_t size;			/* bytes of bodies */

	/* commit.c's */
	const struct store_account *handle;
	enum store_verdict verdict;
	struct error *error;
	sem_t wake;			/* it is done, or leads */
	bool is_done;
	struct op *next;
};

/* What is being put together. */
struct group {
	struct account *account;
	struct change change;
	struct arena arena;		/* payloads, until they are written */
	struct op *op;			/* the one being prepared */
	struct log_record *record;
	size_t count, room;
	size_t base_at, base_size;	/* a base among the records; size 0: none */
	bool is_state;			/* the group is a whole state */
	size_t written;			/* records in the log already, before these */
	struct log_position base_position;	/* of a base among them */
	uint64_t bytes;			/* of all payloads */
	bool is_refused;		/* a part of it was */
	struct error refusal;
};

/* Waits until it is durable (or refused). */
enum store_verdict
commit_run(const struct store_account *handle, struct op *op,
	struct error *error);

/* The background's way to lead without an operation: false when somebody
 * leads. Nobody else does until commit_leave. */
bool
commit_enter(struct account *account);
void
commit_leave(struct account *account);

/* ---- for prepare ---- */

/* The modseq that the next record will have. */
uint64_t
group_next_modseq(const struct group *group);

/* Adds a record; its modseq. Pieces must live until the group is written; a
 * buffer is copied. flags: LOG_FROM_RESERVE for what frees space. */
uint64_t
group_add_pieces(struct group *group, enum record_kind kind, unsigned flags,
	const struct iovec *pieces, int count);
uint64_t
group_add(struct group *group, enum record_kind kind, unsigned flags,
	struct buffer *payload);

/* Writes what there is of a large group and forgets it; for an operation that
 * is alone and has no bodies. -1: the group is refused, it gives up. */
int
group_write_part(struct group *group);

#endif
