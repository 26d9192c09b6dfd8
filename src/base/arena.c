#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { ARENA_CHUNK = 4096 - 64, ARENA_ALIGN = 16 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	_Alignas(16) char bytes[];
};

void
arena_init(struct arena *arena, size_t limit)
{
	*arena = (struct arena){ .limit = limit };
}

void
arena_fini(struct arena *arena)
{
	while (arena->chunk != NULL) {
		struct arena_chunk *next = arena->chunk->next;
		memory_free(arena->chunk);
		arena->chunk = next;
	}
	arena->used = 0;
}

static struct arena_chunk *
chunk_with_room(struct arena *arena, size_t size)
{
	struct arena_chunk *chunk = arena->chunk;
	if (chunk != NULL && chunk->size - chunk->used >= size)
		return chunk;
	size_t room = size > ARENA_CHUNK ? size : ARENA_CHUNK;
	chunk = memory_new(sizeof(*chunk) + room);
	chunk->size = room;
	/* A big one goes behind the newest, which may still have room. */
	if (size > ARENA_CHUNK / 4 && arena->chunk != NULL) {
		chunk->next = arena->chunk->next;
		arena->chunk->next = chunk;
	} else {
		chunk->next = arena->chunk;
		arena->chunk = chunk;
	}
	return chunk;
}

void *
arena_new(struct arena *arena, size_t size)
{
	assert(size < SIZE_MAX / 2);
	size = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
	if (size == 0)
		size = ARENA_ALIGN;
	struct arena_chunk *chunk = chunk_with_room(arena, size);
	void *memory = chunk->bytes + chunk->used;
	chunk->used += size;
	arena->used += size;
	return memory;
}

void *
arena_new_array(struct arena *arena, size_t count, size_t size)
{
	assert(size == 0 || count < SIZE_MAX / 2 / size);
	return arena_new(arena, count * size);
}

bool
arena_is_exceeded(const struct arena *arena)
{
	return arena->limit != 0 && arena->used > arena->limit;
}

struct span
arena_copy(struct arena *arena, struct span s)
{
	return span_of(arena_copy_string(arena, s), s.size);
}

char *
arena_copy_string(struct arena *arena, struct span s)
{
	char *copy = arena_new(arena, s.size + 1);
	if (s.size > 0)
		memcpy(copy, s.data, s.size);
	return copy;
}

struct span
arena_copy_lower(struct arena *arena, struct span s)
{
	char *copy = arena_copy_string(arena, s);
	for (size_t i = 0; i < s.size; i++)
		copy[i] = span_lower_byte(copy[i]);
	return span_of(copy, s.size);
}

struct span
arena_print(struct arena *arena, const char *format, ...)
{
	va_list list, again;
	va_start(list, format);
	va_copy(again, list);
	int size = vsnprintf(NULL, 0, format, list);
	va_end(list);
	assert(size >= 0);
	char *text = arena_new(arena, (size_t)size + 1);
	vsnprintf(text, (size_t)size + 1, format, again);
	va_end(again);
	return span_of(text, (size_t)size);
}
