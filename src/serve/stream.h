/*
 * A connection's bytes in both directions.
 *
 * In: stream_fill reads what is there without blocking; the session's framer
 * looks at stream_unread and says with stream_consume what it used up.
 *
 * Out: stream_add and friends collect; stream_flush writes. A peer that does
 * not take its bytes does not own a thread: what the kernel does not take
 * within a moment goes into an unlinked spill file (given with
 * stream_set_spill) and the session parks with SESSION_PARK_WRITE until
 * stream_flush says that all is gone. Without a spill directory, or beyond
 * STREAM_SPILL_LIMIT, flush blocks until the deadline and then fails.
 *
 * Client ends of wires use the blocking calls at the end.
 */
#ifndef SERVE_STREAM_H
#define SERVE_STREAM_H

#include <sys/types.h>

#include "base/buffer.h"
#include "base/error.h"

enum {
	STREAM_READ_SIZE = 16384,
	STREAM_OUT_LIMIT = 65536,		/* collected before it is written */
};
#define STREAM_SPILL_LIMIT ((uint64_t)1 << 30)

struct stream {
	int fd;			/* owned; non-blocking */
	struct buffer in, out;
	size_t in_start;	/* consumed bytes at the front of in */
	int64_t deadline;	/* monotonic ms for everything that blocks */
	int spill_dir, spill_fd;
	uint64_t spill_start, spill_end;
	bool is_wire;		/* not counted as a client's bytes */
	bool is_failed;		/* writing failed: later writes do nothing */
};

/* Takes over *fd (sets -1) and makes it non-blocking. */
void
stream_init(struct stream *stream, int *fd);

/* Closes and frees everything. */
void
stream_fini(struct stream *stream);

/* dir stays the caller's and must outlive the stream. */
void
stream_set_spill(struct stream *stream, int dir);

/* Reads once: >0 bytes, 0 end of file, -1 nothing there now, -2 broken. */
int
stream_fill(struct stream *stream);

/* As stream_fill, but waits up to `wait` ms for the first byte. */
int
stream_fill_within(struct stream *stream, int wait);

/* Waits up to `wait` ms until there is something to read (or the end). */
bool
stream_wait(const struct stream *stream, int wait);

struct span
stream_unread(const struct stream *stream);
void
stream_consume(struct stream *stream, size_t n);

/* Gives the memory of empty buffers back, before parking. */
void
stream_shrink(struct stream *stream);

void
stream_add(struct stream *stream, struct span s);
void
stream_print(struct stream *stream, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Bytes of a file, after what was added: copied in pieces, without holding
 * them all. -1 when the file could not be read (the peer has then got less
 * than it was promised: close).
 */
int
stream_add_file(struct stream *stream, int fd, uint64_t offset, uint64_t size,
	struct error *error);

enum stream_state { STREAM_CLEAN, STREAM_PENDING, STREAM_BROKEN };

/* CLEAN: all written. PENDING: park for writing, then flush again. */
enum stream_state
stream_flush(struct stream *stream);

/* ---- blocking calls, for the client end of a wire ---- */

/* Writes everything; -1 with ERROR_TIMEOUT or ERROR_SYSTEM. */
int
stream_send(struct stream *stream, struct error *error);

/*
 * The next line, without its CRLF (or LF), at most `limit` bytes; borrowed
 * until the next call. -1 with ERROR_TIMEOUT, ERROR_GONE (end of file),
 * ERROR_DAMAGED (too long).
 */
int
stream_read_line(struct stream *stream, size_t limit, struct span *line,
	struct error *error);

/* Exactly size bytes. */
int
stream_read_exactly(struct stream *stream, void *out, size_t size,
	struct error *error);

#endif
