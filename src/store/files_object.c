/*
 * An open file of the embedded engine: a segment, or the body of one message.
 */
#include "store/files_object.h"

#include <stdatomic.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

enum {
	ZEROS_WINDOW = 16 << 10,	/* looked at together */
	KEPT = 2,			/* by each claim: one to write, one to read */
	KEPT_MOST = 64,			/* with spare ones */
};

static const char zeros[ZEROS_WINDOW];

void
files_object_release(struct files_object *object)
{
	if (object == NULL || atomic_fetch_sub(&object->users, 1) > 1)
		return;
	object->calls->close(object->calls->context, object->fd);
	memory_free(object);
}

struct files_object *
files_object_new(const struct files_calls *calls, enum engine_object kind,
	uint64_t number, int fd, uint64_t size)
{
	struct files_object *object = memory_new(sizeof(*object));
	object->calls = calls;
	object->fd = fd;
	object->kind = kind;
	object->number = number;
	atomic_init(&object->users, 1);
	atomic_init(&object->size, size);
	object->written = size;
	return object;
}

/*
 * The end of a segment is its last byte that is not zero, rounded up to what
 * the log aligns to: a log never ends in eight zeros (doc/formats/log.md).
 */
uint64_t
files_object_end(int fd, uint64_t size)
{
	char bytes[ZEROS_WINDOW];
	struct error ignored;
	const uint64_t all = size;
	/* Most segments are left and have none. */
	if (size >= 8 && file_read_at(fd, bytes, 8, size - 8, &ignored) == 0 &&
		memcmp(bytes, zeros, 8) != 0)
		return size;
	while (size > 0) {
		size_t part = size % ZEROS_WINDOW == 0 ? ZEROS_WINDOW :
			(size_t)(size % ZEROS_WINDOW);
		if (file_read_at(fd, bytes, part, size - part, &ignored) < 0)
			return size;
		if (memcmp(bytes, zeros, part) != 0) {
			while (bytes[part - 1] == 0) {
				part--;
				size--;
			}
			size = (size + 7) & ~(uint64_t)7;
			return size < all ? size : all;
		}
		size -= part;
	}
	return 0;
}

void
files_kept_init(struct files_kept *kept, struct files_spare *spare)
{
	*kept = (struct files_kept){ .spare = spare };
}

/* No more the one used longest ago. */
static void
drop_last(struct files_kept *kept)
{
	files_object_release(kept->open[--kept->count]);
	if (kept->count >= KEPT)
		atomic_fetch_sub(&kept->spare->used, 1);
}

void
files_kept_fini(struct files_kept *kept)
{
	while (kept->count > 0)
		drop_last(kept);
	memory_free(kept->open);
	kept->open = NULL;
}

/* Whether there is room for one more, which is counted then. */
static bool
may_grow(struct files_kept *kept)
{
	if (kept->count < KEPT)
		return true;
	if (kept->count == KEPT_MOST)
		return false;
	if (atomic_fetch_add(&kept->spare->used, 1) < kept->spare->most)
		return true;
	atomic_fetch_sub(&kept->spare->used, 1);
	return false;
}

static void
move_to_front(struct files_kept *kept, int from)
{
	struct files_object *object = kept->open[from];
	memmove(kept->open + 1, kept->open, (size_t)from * sizeof(*kept->open));
	kept->open[0] = object;
}

struct files_object *
files_kept_add(struct files_kept *kept, struct files_object **object)
{
	if (may_grow(kept))
		kept->open = memory_resize(kept->open, (size_t)++kept->count *
			sizeof(*kept->open));
	else
		files_object_release(kept->open[kept->count - 1]);
	kept->open[kept->count - 1] = *object;
	*object = NULL;
	move_to_front(kept, kept->count - 1);
	return kept->open[0];
}

struct files_object *
files_kept_get(struct files_kept *kept, enum engine_object kind,
	uint64_t number)
{
	for (int i = 0; i < kept->count; i++) {
		if (kept->open[i]->kind != kind ||
			kept->open[i]->number != number)
			continue;
		move_to_front(kept, i);
		return kept->open[0];
	}
	return NULL;
}

void
files_kept_forget(struct files_kept *kept, enum engine_object kind,
	uint64_t number)
{
	struct files_object *object = files_kept_get(kept, kind, number);
	if (object == NULL)
		return;
	memmove(kept->open, kept->open + 1,
		(size_t)(kept->count - 1) * sizeof(*kept->open));
	kept->open[kept->count - 1] = object;
	drop_last(kept);
}
