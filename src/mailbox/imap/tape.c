/* Bytes in memory, then in an unlinked file. */
#include "mailbox/imap/tape.h"

#include <unistd.h>

#include "base/file.h"

void
tape_init(struct tape *tape, int dir)
{
	*tape = (struct tape){ .dir = dir, .fd = -1 };
	buffer_init(&tape->memory, 0);
}

void
tape_fini(struct tape *tape)
{
	file_close(&tape->fd);
	buffer_fini(&tape->memory);
}

uint64_t
tape_size(const struct tape *tape)
{
	return tape->filed + tape->memory.size;
}

int
tape_spill(struct tape *tape, size_t most, struct error *error)
{
	if (tape->memory.size <= most)
		return 0;
	if (tape->fd < 0)
		tape->fd = file_open_spill(tape->dir, error);
	if (tape->fd < 0)
		return -1;
	if (lseek(tape->fd, (off_t)tape->filed, SEEK_SET) < 0)
		return error_set_errno(error, "seeking in a spill file");
	if (file_write_all(tape->fd, buffer_span(&tape->memory), error) < 0)
		return -1;
	tape->filed += tape->memory.size;
	buffer_fini(&tape->memory);
	return 0;
}

int
tape_add(struct tape *tape, struct span bytes, size_t memory_limit,
	struct error *error)
{
	buffer_add(&tape->memory, bytes);
	return tape_spill(tape, memory_limit, error);
}

size_t
tape_pieces(const struct tape *tape, uint64_t start, uint64_t end,
	struct store_piece pieces[2])
{
	size_t count = 0;
	if (start < tape->filed && start < end) {
		uint64_t stop = end < tape->filed ? end : tape->filed;
		pieces[count++] = (struct store_piece){ .fd = tape->fd,
			.offset = start, .size = stop - start };
		start = stop;
	}
	if (start < end) {
		struct span rest = span_skip(buffer_span(&tape->memory),
			(size_t)(start - tape->filed));
		pieces[count++] = (struct store_piece){ .fd = -1,
			.bytes = span_first(rest, (size_t)(end - start)),
			.size = end - start };
	}
	return count;
}
