/*
 * A table from bytes to pointers, keyed with the process's secret so that
 * strangers cannot choose colliding keys. Keys are copied; values are the
 * caller's. Not locked: the structure that holds the map names the lock.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/span.h"

struct map_entry;

struct map {
	struct map_entry **slots;
	size_t slot_count;	/* a power of two, or 0 */
	size_t count;
};

void
map_init(struct map *map);

/* Frees keys and slots, not the values. */
void
map_fini(struct map *map);

/* NULL when it is not there. */
void *
map_get(const struct map *map, struct span key);

/* Puts or replaces; returns the value that stood there, or NULL. */
void *
map_put(struct map *map, struct span key, void *value);

/* Removes; returns the value, or NULL when it was not there. */
void *
map_take(struct map *map, struct span key);

size_t
map_count(const struct map *map);

/*
 * Walks in no particular order; start with *cursor = 0. Nothing may be put or
 * taken during a walk. The key is valid as long as its entry.
 */
bool
map_next(const struct map *map, size_t *cursor, struct span *key, void **value);

/* Keys that are numbers. */
struct span
map_key_u64(const uint64_t *number);

#endif
