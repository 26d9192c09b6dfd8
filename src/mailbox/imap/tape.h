/*
 * Bytes of messages that are arriving: in memory as long as they are few, the
 * rest in an unlinked file. Positions count from the first byte ever added.
 */
#ifndef MAILBOX_IMAP_TAPE_H
#define MAILBOX_IMAP_TAPE_H

#include "base/buffer.h"
#include "base/error.h"
#include "store/store.h"

struct tape {
	int dir;			/* where the file is made; borrowed */
	int fd;				/* -1: no file yet */
	uint64_t filed;			/* bytes in the file; the rest follows */
	struct buffer memory;
};

void
tape_init(struct tape *tape, int dir);
void
tape_fini(struct tape *tape);

uint64_t
tape_size(const struct tape *tape);

/* -1 when the file cannot be written; the bytes are lost then. */
int
tape_add(struct tape *tape, struct span bytes, size_t memory_limit,
	struct error *error);

/* Moves what is in memory into the file when it is more than `most`. */
int
tape_spill(struct tape *tape, size_t most, struct error *error);

/* Bytes from start to end as at most two pieces, valid until the next change;
 * returns how many. */
size_t
tape_pieces(const struct tape *tape, uint64_t start, uint64_t end,
	struct store_piece pieces[2]);

#endif
