/*
 * What names keeps over restarts (dns_state_file, base/state_file.h): values by
 * kind and key, all in memory, written whole. A line for each: kind, key and
 * value, as proto/tabline.h has it; what many parts have in common once. One
 * lock; any thread.
 *
 * Kinds: "part" (parts.h), "serial" (serials.h), "dnssec" (signed_keys.h).
 */
#ifndef NAMES_REMEMBERED_H
#define NAMES_REMEMBERED_H

#include "base/arena.h"
#include "base/error.h"

/*
 * Reads the file, whose descriptor stays the caller's and open until
 * remembered_close; -1: in memory only. With ERROR_DAMAGED, or what
 * else is wrong, it begins empty and writes to the file all the same.
 */
int
remembered_open(int fd, struct error *error);
/* Forgets all, in memory. */
void
remembered_close(void);

/* A copy in the arena; false: nothing of that kind and key. */
bool
remembered_get(const char *kind, struct span key, struct arena *arena,
	struct span *value);

/* Replaces; an empty value removes. Not on disk before remembered_save. True:
 * that was a change. */
bool
remembered_put(const char *kind, struct span key, struct span value);

/* Writes all of it if there is a change. -1: it is in memory only. */
int
remembered_save(struct error *error);

/* Would remembered_save have room for all of it? -1 with a sentence: no. */
int
remembered_has_room(struct error *error);

/* All of a kind, in no order, with the lock held: no other function of these
 * from inside. */
void
remembered_walk(const char *kind, void (*function)(void *context,
	struct span key, struct span value), void *context);

#endif
