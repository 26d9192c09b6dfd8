/*
 * A bounded table in two generations; see bounded_map.h. Runs in auth.
 */
#include "auth/bounded_map.h"

void
bounded_map_init(struct bounded_map *bounded, size_t limit,
	void (*free_value)(void *value))
{
	*bounded = (struct bounded_map){ .limit = limit, .free_value = free_value };
	map_init(&bounded->young);
	map_init(&bounded->old);
}

static void
free_map(struct bounded_map *bounded, struct map *map)
{
	size_t cursor = 0;
	struct span key;
	void *value;
	while (map_next(map, &cursor, &key, &value))
		bounded->free_value(value);
	map_fini(map);
	map_init(map);
}

void
bounded_map_clear(struct bounded_map *bounded)
{
	free_map(bounded, &bounded->young);
	free_map(bounded, &bounded->old);
}

void
bounded_map_fini(struct bounded_map *bounded)
{
	bounded_map_clear(bounded);
	map_fini(&bounded->young);
	map_fini(&bounded->old);
}

void
bounded_map_put(struct bounded_map *bounded, struct span key, void *value)
{
	void *before = map_take(&bounded->old, key);
	if (before != NULL)
		bounded->free_value(before);
	before = map_put(&bounded->young, key, value);
	if (before != NULL)
		bounded->free_value(before);
	if (map_count(&bounded->young) < bounded->limit)
		return;
	free_map(bounded, &bounded->old);
	struct map empty = bounded->old;
	bounded->old = bounded->young;
	bounded->young = empty;
}

void *
bounded_map_get(struct bounded_map *bounded, struct span key)
{
	void *value = map_get(&bounded->young, key);
	if (value != NULL)
		return value;
	value = map_take(&bounded->old, key);
	if (value != NULL)
		bounded_map_put(bounded, key, value);
	return value;
}

void *
bounded_map_take(struct bounded_map *bounded, struct span key)
{
	void *value = map_take(&bounded->young, key);
	return value != NULL ? value : map_take(&bounded->old, key);
}

size_t
bounded_map_count(const struct bounded_map *bounded)
{
	return map_count(&bounded->young) + map_count(&bounded->old);
}
