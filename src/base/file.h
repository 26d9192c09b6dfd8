/*
 * Files: whole reads and writes, and the syncs on which durability stands.
 * Every sync of the project goes through here, so that one place can slow it
 * (POSTHOUSE_SYNC_DELAY in milliseconds, for benches on disks that hide what a
 * sync costs) and count it.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/buffer.h"
#include "base/error.h"

/* Closes and sets *fd to -1; a negative one is left alone. */
void
file_close(int *fd);

/* Reads a whole file of at most `limit` bytes into *out. */
int
file_read_whole(int dir, const char *path, size_t limit, struct buffer *out,
	struct error *error);

/* The same from the beginning of an open file, without moving its offset. */
int
file_read_descriptor(int fd, size_t limit, struct buffer *out,
	struct error *error);

/*
 * Makes path hold exactly these bytes, or leaves it as it was: written beside
 * it, synced, renamed, directory synced. Mode as for open(2).
 */
int
file_replace(int dir, const char *path, struct span content, unsigned mode,
	struct error *error);

/* All bytes or an error; restarts after signals and short writes. */
int
file_write_all(int fd, struct span content, struct error *error);

/* Exactly size bytes at offset; ERROR_DAMAGED when the file ends before. */
int
file_read_at(int fd, void *out, size_t size, uint64_t offset,
	struct error *error);

/* fdatasync, or fsync for a directory whose entries must be durable. */
int
file_sync_data(int fd, struct error *error);
int
file_sync_directory(int fd, struct error *error);

/* All that anybody wrote to the file system fd is on. Slow; after a crash. */
int
file_sync_all(int fd, struct error *error);

/* Syncs by this process so far. */
uint64_t
file_sync_count(void);

/* mkdir with all parents; what exists is fine. Syncs what it made. */
int
file_make_directories(const char *path, unsigned mode, struct error *error);

/* A memory file that holds these bytes, at its beginning. -1 with error. */
int
file_open_memory(const char *name, struct span content, struct error *error);

/* An unlinked file for spilling, in `dir` (O_TMPFILE). -1 with error. */
int
file_open_spill(int dir, struct error *error);

/* Shared memory of this size, which nobody can change again; *read_only (NULL:
 * not wanted): the same for those who may only look. -1 with error. */
int
file_open_shared(size_t size, int *read_only, struct error *error);

/* As many descriptors as the machine allows. */
void
file_raise_limit(void);

#endif
