/*
 * What an import has done, on disk, so that a killed one goes on where it was
 * and doubles nothing. Append-only lines: a batch of messages is written down
 * before it is sent, and its end after it was acknowledged. Only the last batch
 * can be in doubt; whether it arrived is then seen in the mailbox.
 *
 *	posthouse-import 1 USER SOURCE
 *	batch FOLDER UIDVALIDITY UIDNEXT COUNT
 *	m KEY SIZE DATE			COUNT times
 *	done				or "undone": it had not arrived
 */
#ifndef CTL_JOURNAL_H
#define CTL_JOURNAL_H

#include "base/arena.h"
#include "base/error.h"
#include "base/map.h"

struct journal_message {
	uint64_t size;
	int64_t date;
};

/* A batch in doubt, or being written. */
struct journal_batch {
	struct span folder;
	uint32_t validity, uid_next;	/* before it */
	size_t count;
	struct journal_message *message;
	struct span *key;
};

struct journal {
	int fd;
	struct arena arena;		/* of the batch in doubt */
	struct map done;		/* digests of folder, validity and key */
	uint64_t done_count;
	bool is_in_doubt;
	struct journal_batch doubt;
};

/* Opens or begins, and locks: a second import of the same at the same time is
 * ERROR_LATER. with is_again what is there is forgotten. */
int
journal_open(struct journal *journal, const char *path, struct span title,
	bool is_again, struct error *error);
void
journal_close(struct journal *journal);

bool
journal_is_done(const struct journal *journal, struct span folder,
	uint32_t validity, struct span key);

/* Durable when it returns 0. */
int
journal_begin(struct journal *journal, const struct journal_batch *batch,
	struct error *error);

/* The batch begun, or the one in doubt, is in the mailbox or it is not. */
int
journal_end(struct journal *journal, const struct journal_batch *batch,
	bool is_done, struct error *error);

#endif
