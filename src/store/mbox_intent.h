/*
 * Changes of an mbox that a crash leaves whole. The file is written where it
 * stands, since other programs have it open and nobody may make files beside
 * it in /var/mail. What it is to be is written elsewhere first, and synced: an
 * intent. After a crash the next one who has the lock finishes it. Between the
 * crash and then other programs may see the file half changed.
 *
 * Format of an intent: doc/formats/mbox.md. The caller holds the locks of the
 * file for all of this.
 */
#ifndef STORE_MBOX_INTENT_H
#define STORE_MBOX_INTENT_H

#include "store/files_calls.h"
#include "store/store.h"

enum mbox_sync {
	MBOX_SYNC_APPEND = FILES_SYNC_COUNT,	/* a delivery */
	MBOX_SYNC_FLAGS,	/* of flags that one sector holds */
	MBOX_SYNC_INTENT,
	MBOX_SYNC_INTENT_NAME,
	MBOX_SYNC_CHANGE,	/* what the intent says, in the file */
	MBOX_SYNC_INTENT_GONE,
	MBOX_SYNC_TAIL,		/* where what may be torn begins (mbox_tail.h) */
	MBOX_SYNC_TAIL_NAME,
	MBOX_SYNC_END,
};

/* A mailbox file, and where its intents are. */
struct mbox_file {
	const struct files_calls *calls;	/* paths are below the state
						 * directory; borrowed */
	int fd;
	uint64_t device, inode;		/* of the file: they name what belongs to it */
};

/* New content at an offset of the file; pieces may be of the file itself. */
struct mbox_patch {
	uint64_t offset;
	const struct store_piece *piece;
	size_t count;
};

/* All or nothing, ascending, not overlapping; then the file has new_size bytes.
 * An error leaves the file as it was, or an intent that mbox_intent_recover
 * will finish (it is tried at once). */
int
mbox_intent_change(const struct mbox_file *file,
	const struct mbox_patch *patch, size_t count, uint64_t new_size,
	struct error *error);

/* Finishes what was begun. What others appended since then is kept. An intent
 * that does not fit the file any more is set aside, with a line in the log. */
int
mbox_intent_recover(const struct mbox_file *file, struct error *error);

/* ---- also for mbox_tail.c ---- */

int
mbox_file_write(const struct mbox_file *file, int fd, struct span bytes,
	uint64_t offset, struct error *error);
int
mbox_file_size(const struct mbox_file *file, uint64_t *size,
	struct error *error);
enum { MBOX_NAME_SIZE = 48 };
/* "KIND-DEVICE-INODE" */
void
mbox_file_name(const struct mbox_file *file, const char *kind,
	char name[MBOX_NAME_SIZE]);

#endif
