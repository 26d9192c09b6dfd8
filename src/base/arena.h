/*
 * Memory that lives as long as a scope (a command, a transaction, a session)
 * and ends with it as a whole. Allocations are aligned for any type and are
 * not freed one by one. One arena belongs to one thread at a time.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/span.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunk;	/* newest first */
	size_t used;			/* bytes in all chunks */
	size_t limit;			/* 0: none */
};

/* limit in bytes: beyond it arena_is_exceeded() turns true (0: no limit). */
void
arena_init(struct arena *arena, size_t limit);

/* Frees everything; the arena can be used again with the same limit. */
void
arena_fini(struct arena *arena);

/*
 * Zeroed memory, never NULL: a limit does not fail an allocation, it is asked
 * for at the points where the work can be refused.
 */
void *
arena_new(struct arena *arena, size_t size);
void *
arena_new_array(struct arena *arena, size_t count, size_t size);

bool
arena_is_exceeded(const struct arena *arena);

/* Copies live until arena_fini. arena_copy_string adds a terminating NUL. */
struct span
arena_copy(struct arena *arena, struct span s);
char *
arena_copy_string(struct arena *arena, struct span s);

/* A copy with ASCII letters small, and a NUL behind it. */
struct span
arena_copy_lower(struct arena *arena, struct span s);

/* printf into the arena; the span is followed by a NUL. */
struct span
arena_print(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
