/*
 * A disk that loses what it may lose. It stands below the engine `files` in
 * place of the system calls (store/files_calls.h). The model:
 *
 * - since the last sync any subset of the 512-byte sectors of a file has
 *   reached the disk, each in any version it had, with any length the file had;
 * - names made, renamed or removed since the last sync of their directory are
 *   there or not, each for itself;
 * - a sync of a file that fails leaves what it should have written in doubt for
 *   ever: a later one succeeds and does not write it (of a directory, the next
 *   one that succeeds writes it: names are journalled, and a journal that
 *   fails stays failed);
 * - a write may come up short (ENOSPC) or fail (EIO) at any call.
 *
 * The power goes at a chosen call: it and all later ones do nothing and fail. A
 * survivor is the disk as it may be found then.
 */
#ifndef CRASH_DISK_H
#define CRASH_DISK_H

#include "store/files_calls.h"

struct disk;

struct disk *
disk_new(void);
void
disk_free(struct disk **disk);

/* The engine `files` over it; to be closed before the disk is freed. */
struct engine *
disk_engine(struct disk *disk);

/* Its calls, for what stands on them without an engine. */
struct files_calls
disk_files(struct disk *disk);
/* An empty file that was always there. */
void
disk_make_file(struct disk *disk, const char *name);

/* Caches of all accounts are put into this directory of the real system, which
 * loses nothing; without it they live in memory. Survivors have it too. */
void
disk_set_cache(struct disk *disk, const char *path);

/* Calls that change something, so far. */
unsigned
disk_calls(const struct disk *disk);

/* The power goes at the n-th such call from now (1: the next; 0: never). */
void
disk_cut_at(struct disk *disk, unsigned n);
/* Only the process died: what it wrote can be read, synced or not. */
void
disk_revive(struct disk *disk);
bool
disk_is_dead(const struct disk *disk);

enum disk_fault {
	DISK_FAILS,		/* EIO, whatever the call is */
	DISK_FULL,		/* ENOSPC after half of a write; also at a create */
	DISK_SYNCS_FAIL,	/* EIO of two or three syncs from there on */
	DISK_FAULT_COUNT,
};
/* What happens at the n-th call from now (0: nothing). */
void
disk_fail_at(struct disk *disk, unsigned n, enum disk_fault fault);

/* Leaves the syncs of one site out; -1: none. Did it happen? */
void
disk_skip_sync(struct disk *disk, int site);

/* In how many ways the disk can be found; UINT64_MAX: too many to count. */
uint64_t
disk_states(const struct disk *disk);

/* One of them: by number, or drawn with *seed. */
struct disk *
disk_survivor(const struct disk *disk, uint64_t state);
struct disk *
disk_survivor_random(const struct disk *disk, uint64_t *seed);

/* Pseudo-random numbers that come again with the same seed. */
uint64_t
disk_random(uint64_t *seed);

#endif
