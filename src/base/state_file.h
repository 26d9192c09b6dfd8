/*
 * What a process remembers over restarts when that is little: one blob in a
 * file of two slots, read and written through one descriptor that master opened
 * (`state` in etc/services). A blob is written into the slot that does not hold
 * the newest, then synced: a crash leaves the old or the new.
 *
 * A slot: "PHstate1", generation (64 bits), size (32), CRC32C of those two
 * and the blob (32), all little-endian, then the blob. The second
 * begins at STATE_FILE_SLOT. Who writes is one process; any number may read.
 */
#ifndef BASE_STATE_FILE_H
#define BASE_STATE_FILE_H

#include "base/buffer.h"
#include "base/error.h"

enum {
	STATE_FILE_SLOT = 2 << 20,
	STATE_FILE_LIMIT = STATE_FILE_SLOT - 4096,	/* bytes of a blob */
};

/*
 * The newest whole blob replaces *out; of a file that has none yet it becomes
 * empty. ERROR_DAMAGED: there are bytes, but no slot is whole.
 */
int
state_file_read(int fd, struct buffer *out, struct error *error);

/* 0: on disk. -1: the old blob is still the newest, or may be either. */
int
state_file_write(int fd, struct span blob, struct error *error);

/* Opens it to be written, and makes it and its folders when they are missing. */
int
state_file_open(const char *path, struct error *error);

#endif
