/* A connection's bytes in both directions; see stream.h. */
#include "serve/stream.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "serve/counter.h"
#include "serve/session.h"

enum {
	MOMENT = 20,			/* ms a slow peer is waited for once */
	SENDFILE_LEAST = 16384,		/* smaller pieces are copied */
	SENDFILE_MOST = 1 << 20,
};

void
stream_init(struct stream *stream, int *fd)
{
	*stream = (struct stream){ .fd = *fd, .deadline = INT64_MAX,
		.spill_dir = -1, .spill_fd = -1 };
	*fd = -1;
	buffer_init(&stream->in, 0);
	buffer_init(&stream->out, 0);
	int flags = fcntl(stream->fd, F_GETFL);
	if (flags >= 0 && (flags & O_NONBLOCK) == 0)
		fcntl(stream->fd, F_SETFL, flags | O_NONBLOCK);
}

void
stream_fini(struct stream *stream)
{
	file_close(&stream->fd);
	file_close(&stream->spill_fd);
	buffer_fini(&stream->in);
	buffer_fini(&stream->out);
}

void
stream_set_spill(struct stream *stream, int dir)
{
	stream->spill_dir = dir;
}

static int
wait_for(const struct stream *stream, short what, int wait)
{
	struct pollfd slot = { .fd = stream->fd, .events = what };
	int n;
	if (wait != 0)
		lot_step_aside();
	do {
		n = poll(&slot, 1, wait);
	} while (n < 0 && errno == EINTR);
	return n;
}

/* ---- in ---- */

static void
drop_consumed(struct stream *stream)
{
	if (stream->in_start == 0)
		return;
	/* moving little is cheaper than growing */
	if (stream->in.size - stream->in_start <= stream->in_start ||
	    stream->in_start >= STREAM_READ_SIZE) {
		buffer_shift(&stream->in, stream->in_start);
		stream->in_start = 0;
	}
}

int
stream_fill(struct stream *stream)
{
	drop_consumed(stream);
	buffer_reserve(&stream->in, STREAM_READ_SIZE);
	for (;;) {
		ssize_t n = read(stream->fd, stream->in.data + stream->in.size,
			STREAM_READ_SIZE);
		if (n >= 0) {
			stream->in.size += (size_t)n;
			if (!stream->is_wire)
				counter_add(COUNTER_BYTES_IN, n);
			return (int)n;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return -1;
		if (errno != EINTR)
			return -2;
	}
}

int
stream_fill_within(struct stream *stream, int wait)
{
	int n = stream_fill(stream);
	if (n != -1 || wait == 0 || wait_for(stream, POLLIN, wait) <= 0)
		return n;
	return stream_fill(stream);
}

bool
stream_wait(const struct stream *stream, int wait)
{
	return wait_for(stream, POLLIN, wait) > 0;
}

struct span
stream_unread(const struct stream *stream)
{
	return span_skip(buffer_span(&stream->in), stream->in_start);
}

void
stream_consume(struct stream *stream, size_t n)
{
	assert(n <= stream->in.size - stream->in_start);
	stream->in_start += n;
	if (stream->in_start == stream->in.size) {
		buffer_clear(&stream->in);
		stream->in_start = 0;
	}
}

void
stream_shrink(struct stream *stream)
{
	if (stream->in_start == stream->in.size) {
		buffer_fini(&stream->in);
		stream->in_start = 0;
	} else if (stream->in.room - stream->in.size >= STREAM_READ_SIZE / 2) {
		/* half a unit of a slow client keeps only its own bytes */
		struct buffer tail;
		buffer_init(&tail, 0);
		buffer_add(&tail, stream_unread(stream));
		buffer_fini(&stream->in);
		stream->in = tail;
		stream->in_start = 0;
	}
	if (stream->out.size == 0)
		buffer_fini(&stream->out);
}

/* ---- out ---- */

static bool
is_spilling(const struct stream *stream)
{
	return stream->spill_end > stream->spill_start;
}

static void
fail(struct stream *stream)
{
	stream->is_failed = true;
	buffer_clear(&stream->out);
	file_close(&stream->spill_fd);
	stream->spill_start = stream->spill_end = 0;
}

static void
count_out(const struct stream *stream, ssize_t n)
{
	if (!stream->is_wire)
		counter_add(COUNTER_BYTES_OUT, n);
}

/* Writes what the kernel takes: the number of bytes, 0: none now, -1: broken. */
static ssize_t
write_some(struct stream *stream, struct span s)
{
	for (;;) {
		ssize_t n = write(stream->fd, s.data, s.size);
		if (n >= 0) {
			count_out(stream, n);
			return n;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return 0;
		if (errno != EINTR)
			return -1;
	}
}

/* As write_some, from a file; a file that ends too early is broken, too. */
static ssize_t
send_some(struct stream *stream, int fd, uint64_t offset, uint64_t size)
{
	off_t at = (off_t)offset;
	size_t most = size > SENDFILE_MOST ? SENDFILE_MOST : (size_t)size;
	for (;;) {
		ssize_t n = sendfile(stream->fd, fd, &at, most);
		if (n == 0)
			return -1;
		if (n > 0) {
			count_out(stream, n);
			return n;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return 0;
		if (errno != EINTR)
			return -1;
	}
}

/* Spilled bytes first, then out; stops when the kernel takes no more. */
static enum stream_state
write_out(struct stream *stream)
{
	while (is_spilling(stream)) {
		uint64_t left = stream->spill_end - stream->spill_start;
		ssize_t n = send_some(stream, stream->spill_fd,
			stream->spill_start, left);
		if (n < 0)
			return STREAM_BROKEN;
		if (n == 0)
			return STREAM_PENDING;
		stream->spill_start += (uint64_t)n;
	}
	if (stream->spill_fd >= 0) {
		file_close(&stream->spill_fd);
		stream->spill_start = stream->spill_end = 0;
	}
	size_t done = 0;
	ssize_t n = 1;
	while (done < stream->out.size && n > 0) {
		n = write_some(stream,
			span_skip(buffer_span(&stream->out), done));
		if (n > 0)
			done += (size_t)n;
	}
	buffer_shift(&stream->out, done);
	if (n < 0)
		return STREAM_BROKEN;
	return stream->out.size > 0 ? STREAM_PENDING : STREAM_CLEAN;
}

/* Moves what is in `out` to the end of the spill file. */
static bool
spill(struct stream *stream)
{
	struct error error;
	if (stream->spill_dir < 0 || stream->spill_end - stream->spill_start +
	    stream->out.size > STREAM_SPILL_LIMIT)
		return false;
	if (stream->spill_fd < 0)
		stream->spill_fd = file_open_spill(stream->spill_dir, &error);
	if (stream->spill_fd < 0 || lseek(stream->spill_fd,
	    (off_t)stream->spill_end, SEEK_SET) < 0 ||
	    file_write_all(stream->spill_fd, buffer_span(&stream->out),
	    &error) < 0)
		return false;
	stream->spill_end += stream->out.size;
	buffer_clear(&stream->out);
	return true;
}

/* All of it, waiting until the deadline. */
static enum stream_state
write_until_deadline(struct stream *stream)
{
	for (;;) {
		enum stream_state state = write_out(stream);
		if (state != STREAM_PENDING)
			return state;
		int wait = stream->deadline == INT64_MAX ? -1 :
			clock_until(stream->deadline);
		if (wait == 0 || wait_for(stream, POLLOUT, wait) <= 0)
			return STREAM_BROKEN;
	}
}

enum stream_state
stream_flush(struct stream *stream)
{
	if (stream->is_failed)
		return STREAM_BROKEN;
	enum stream_state state = write_out(stream);
	/* one moment for a peer that is only a little slow */
	if (state == STREAM_PENDING && !is_spilling(stream) &&
	    wait_for(stream, POLLOUT, MOMENT) > 0)
		state = write_out(stream);
	if (state == STREAM_PENDING && stream->out.size > 0 && !spill(stream))
		state = write_until_deadline(stream);
	if (state == STREAM_BROKEN)
		fail(stream);
	return state;
}

/* Keeps what is collected bounded. */
static void
flush_beyond_limit(struct stream *stream)
{
	if (stream->out.size < STREAM_OUT_LIMIT)
		return;
	/* who is behind already is not asked again for each piece */
	if (is_spilling(stream) && spill(stream))
		return;
	stream_flush(stream);
}

void
stream_add(struct stream *stream, struct span s)
{
	if (stream->is_failed)
		return;
	buffer_add(&stream->out, s);
	flush_beyond_limit(stream);
}

void
stream_print(struct stream *stream, const char *format, ...)
{
	va_list list;
	if (stream->is_failed)
		return;
	va_start(list, format);
	buffer_print_list(&stream->out, format, list);
	va_end(list);
	flush_beyond_limit(stream);
}

/* By sendfile as long as that works; what it meets is met again by read. */
static void
send_directly(struct stream *stream, int fd, uint64_t *offset, uint64_t *size)
{
	while (*size >= SENDFILE_LEAST && stream->out.size == 0 &&
	    !is_spilling(stream) && !stream->is_failed) {
		ssize_t n = send_some(stream, fd, *offset, *size);
		if (n < 0 || (n == 0 &&
		    wait_for(stream, POLLOUT, MOMENT) <= 0))
			return;
		*offset += (uint64_t)n;
		*size -= (uint64_t)n;
	}
}

int
stream_add_file(struct stream *stream, int fd, uint64_t offset, uint64_t size,
	struct error *error)
{
	if (size >= SENDFILE_LEAST && stream->out.size > 0)
		stream_flush(stream);
	send_directly(stream, fd, &offset, &size);
	while (size > 0 && !stream->is_failed) {
		size_t piece = size > STREAM_OUT_LIMIT ? STREAM_OUT_LIMIT :
			(size_t)size;
		buffer_reserve(&stream->out, piece);
		if (file_read_at(fd, stream->out.data + stream->out.size, piece,
		    offset, error) < 0)
			return -1;
		stream->out.size += piece;
		offset += piece;
		size -= piece;
		flush_beyond_limit(stream);
	}
	return 0;
}

/* ---- blocking calls ---- */

static int
wait_or_fail(struct stream *stream, short what, struct error *error)
{
	int wait = stream->deadline == INT64_MAX ? -1 :
		clock_until(stream->deadline);
	if (wait_for(stream, what, wait) == 0)
		return error_set(error, ERROR_TIMEOUT,
			"the other process did not answer in time");
	return 0;
}

int
stream_send(struct stream *stream, struct error *error)
{
	while (!stream->is_failed) {
		switch (write_out(stream)) {
		case STREAM_CLEAN:
			return 0;
		case STREAM_PENDING:
			if (wait_or_fail(stream, POLLOUT, error) < 0) {
				fail(stream);
				return -1;
			}
			break;
		case STREAM_BROKEN:
			fail(stream);
			return error_set_errno(error,
				"writing to the other process");
		}
	}
	return error_set(error, ERROR_SYSTEM, "the connection is broken");
}

/* Some bytes more, until the deadline. After a request nothing is there yet, so
 * waiting comes first. */
static int
fill_or_fail(struct stream *stream, struct error *error)
{
	for (;;) {
		if (wait_or_fail(stream, POLLIN, error) < 0)
			return -1;
		int n = stream_fill(stream);
		if (n > 0)
			return 0;
		if (n == 0)
			return error_set(error, ERROR_GONE,
				"the other process closed the connection");
		if (n == -2)
			return error_set_errno(error,
				"reading from the other process");
	}
}

int
stream_read_line(struct stream *stream, size_t limit, struct span *line,
	struct error *error)
{
	size_t seen = 0;
	for (;;) {
		struct span unread = stream_unread(stream);
		size_t end = seen + span_find(span_skip(unread, seen), '\n');
		if (end > limit + 1 || (end == limit + 1 &&
		    unread.data[limit] != '\r'))
			return error_set(error, ERROR_DAMAGED,
				"a line longer than %zu bytes", limit);
		if (end < unread.size) {
			*line = span_first(unread, end);
			if (end > 0 && unread.data[end - 1] == '\r')
				line->size--;
			/* the bytes stay where they are until the next fill */
			stream->in_start += end + 1;
			return 0;
		}
		seen = unread.size;
		if (fill_or_fail(stream, error) < 0)
			return -1;
	}
}

int
stream_read_exactly(struct stream *stream, void *out, size_t size,
	struct error *error)
{
	char *at = out;
	while (size > 0) {
		struct span unread = span_first(stream_unread(stream), size);
		if (unread.size == 0) {
			if (fill_or_fail(stream, error) < 0)
				return -1;
			continue;
		}
		memcpy(at, unread.data, unread.size);
		stream_consume(stream, unread.size);
		at += unread.size;
		size -= unread.size;
	}
	return 0;
}
