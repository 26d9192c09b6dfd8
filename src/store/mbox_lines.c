/* See mbox_lines.h. */
#include "store/mbox_lines.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"

static int
read_memory(void *context, uint64_t offset, void *out, size_t size,
	struct error *error)
{
	const struct span *bytes = context;
	if (offset > bytes->size || size > bytes->size - offset)
		return error_set(error, ERROR_DAMAGED, "reading beyond the end");
	memcpy(out, bytes->data + offset, size);
	return 0;
}

static int
read_file(void *context, uint64_t offset, void *out, size_t size,
	struct error *error)
{
	return file_read_at(*(const int *)context, out, size, offset, error);
}

struct mbox_source
mbox_source_memory(const struct span *bytes)
{
	return (struct mbox_source){ (void *)(uintptr_t)bytes, read_memory,
		bytes->size };
}

struct mbox_source
mbox_source_file(const int *fd, uint64_t end)
{
	return (struct mbox_source){ (void *)(uintptr_t)fd, read_file, end };
}

void
mbox_lines_init(struct mbox_lines *lines, const struct mbox_source *source,
	uint64_t offset, size_t window)
{
	*lines = (struct mbox_lines){ .source = source, .offset = offset,
		.room = window };
	lines->window = memory_new(window);
}

void
mbox_lines_fini(struct mbox_lines *lines)
{
	memory_free(lines->window);
	lines->window = NULL;
}

/* Moves what is left to the front and reads behind it. */
static int
refill(struct mbox_lines *lines, struct error *error)
{
	size_t kept = lines->fill - lines->at;
	if (lines->leave != NULL)
		lines->leave(lines->context);
	memmove(lines->window, lines->window + lines->at, kept);
	lines->offset += lines->at;
	lines->at = 0;
	lines->fill = kept;
	uint64_t next = lines->offset + kept;
	uint64_t left = lines->source->end > next ?
		lines->source->end - next : 0;
	size_t size = left < lines->room - kept ? (size_t)left :
		lines->room - kept;
	if (size > 0 && lines->source->read(lines->source->context, next,
			lines->window + kept, size, error) < 0)
		return -1;
	lines->fill += size;
	return 0;
}

int
mbox_lines_next(struct mbox_lines *lines, struct mbox_line *line,
	struct error *error)
{
	char *end = NULL;
	for (int i = 0; i < 2; i++) {
		char *start = lines->window + lines->at;
		size_t left = lines->fill - lines->at;
		end = left == 0 ? NULL : memchr(start, '\n', left);
		if (end != NULL || (lines->at == 0 && left == lines->room) ||
			lines->offset + lines->fill >= lines->source->end)
			break;
		if (refill(lines, error) < 0)
			return -1;
	}
	size_t left = lines->fill - lines->at;
	if (left == 0)
		return 0;
	size_t size = end != NULL ?
		(size_t)(end - (lines->window + lines->at)) + 1 : left;
	*line = (struct mbox_line){ span_of(lines->window + lines->at, size),
		lines->offset + lines->at, !lines->is_inside,
		end != NULL || lines->offset + lines->fill >= lines->source->end };
	lines->is_inside = !line->ends;
	lines->at += size;
	return 1;
}
