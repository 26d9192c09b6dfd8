#include "base/map.h"

#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

struct map_entry {
	struct map_entry *next;
	uint64_t hash;
	void *value;
	size_t size;
	char key[];
};

void
map_init(struct map *map)
{
	*map = (struct map){ 0 };
}

void
map_fini(struct map *map)
{
	for (size_t i = 0; i < map->slot_count; i++) {
		while (map->slots[i] != NULL) {
			struct map_entry *next = map->slots[i]->next;
			memory_free(map->slots[i]);
			map->slots[i] = next;
		}
	}
	memory_free(map->slots);
	map_init(map);
}

static struct map_entry **
find_link(const struct map *map, struct span key, uint64_t hash)
{
	struct map_entry **link = &map->slots[hash & (map->slot_count - 1)];
	for (; *link != NULL; link = &(*link)->next)
		if ((*link)->hash == hash &&
		    span_equals(span_of((*link)->key, (*link)->size), key))
			break;
	return link;
}

static void
grow(struct map *map)
{
	size_t count = map->slot_count == 0 ? 16 : map->slot_count * 2;
	struct map_entry **slots = memory_new_array(count, sizeof(*slots));
	for (size_t i = 0; i < map->slot_count; i++) {
		while (map->slots[i] != NULL) {
			struct map_entry *entry = map->slots[i];
			map->slots[i] = entry->next;
			entry->next = slots[entry->hash & (count - 1)];
			slots[entry->hash & (count - 1)] = entry;
		}
	}
	memory_free(map->slots);
	map->slots = slots;
	map->slot_count = count;
}

void *
map_get(const struct map *map, struct span key)
{
	if (map->count == 0)
		return NULL;
	struct map_entry *entry = *find_link(map, key, hash_secret(key));
	return entry == NULL ? NULL : entry->value;
}

void *
map_put(struct map *map, struct span key, void *value)
{
	uint64_t hash = hash_secret(key);
	if (map->count >= map->slot_count)
		grow(map);
	struct map_entry **link = find_link(map, key, hash);
	if (*link != NULL) {
		void *old = (*link)->value;
		(*link)->value = value;
		return old;
	}
	struct map_entry *entry = memory_new(sizeof(*entry) + key.size);
	entry->hash = hash;
	entry->value = value;
	entry->size = key.size;
	if (key.size > 0)
		memcpy(entry->key, key.data, key.size);
	*link = entry;
	map->count++;
	return NULL;
}

void *
map_take(struct map *map, struct span key)
{
	if (map->count == 0)
		return NULL;
	struct map_entry **link = find_link(map, key, hash_secret(key));
	struct map_entry *entry = *link;
	if (entry == NULL)
		return NULL;
	void *value = entry->value;
	*link = entry->next;
	memory_free(entry);
	map->count--;
	return value;
}

size_t
map_count(const struct map *map)
{
	return map->count;
}

/* The cursor is the slot and the depth in its chain. */
bool
map_next(const struct map *map, size_t *cursor, struct span *key, void **value)
{
	size_t slot = *cursor >> 16, depth = *cursor & 0xffff;
	for (; slot < map->slot_count; slot++, depth = 0) {
		struct map_entry *entry = map->slots[slot];
		for (size_t i = 0; i < depth && entry != NULL; i++)
			entry = entry->next;
		if (entry == NULL)
			continue;
		*key = span_of(entry->key, entry->size);
		*value = entry->value;
		*cursor = slot << 16 | (depth + 1);
		return true;
	}
	return false;
}

struct span
map_key_u64(const uint64_t *number)
{
	return span_of(number, sizeof(*number));
}
