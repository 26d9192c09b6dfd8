/*
 * An open file of the embedded engine: a segment, or the body of one message.
 */
#include "store/files_object.h"

#include <stdatomic.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

enum { ZEROS_WINDOW = 16 << 10 };	/* looked at together */

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
