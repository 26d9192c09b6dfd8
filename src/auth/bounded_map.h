/*
 * A bounded table of what was used lately, for things that strangers can make
 * many of. Two maps: the young one takes what is put and what is found; when it
 * is full it becomes the old one, and what the old one still held is forgotten.
 * So at most 2 x limit values are kept, and the last `limit` used are always
 * among them. Not locked: the structure that holds it names the lock.
 */
#ifndef AUTH_BOUNDED_MAP_H
#define AUTH_BOUNDED_MAP_H

#include "base/map.h"

struct bounded_map {
	struct map young, old;
	size_t limit;
	void (*free_value)(void *value);
};

void
bounded_map_init(struct bounded_map *bounded, size_t limit,
	void (*free_value)(void *value));
void
bounded_map_fini(struct bounded_map *bounded);

/* NULL when it is not there; valid until the next put, take or clear. */
void *
bounded_map_get(struct bounded_map *bounded, struct span key);

/* Takes the value over; what stood there is freed. */
void
bounded_map_put(struct bounded_map *bounded, struct span key, void *value);

/* Removes and gives it to the caller; NULL when it is not there. */
void *
bounded_map_take(struct bounded_map *bounded, struct span key);

void
bounded_map_clear(struct bounded_map *bounded);

/* Values held now. */
size_t
bounded_map_count(const struct bounded_map *bounded);

#endif
