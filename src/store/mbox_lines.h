/*
 * The lines of an mbox, in bounded memory: a file of any size is read through
 * a window, and a line that is longer comes in pieces. Not locked; the caller
 * holds the folder, or knows what it reads does not change.
 */
#ifndef STORE_MBOX_LINES_H
#define STORE_MBOX_LINES_H

#include "base/error.h"
#include "base/span.h"

enum {
	MBOX_WINDOW = 1 << 18,		/* to read bodies */
	MBOX_WINDOW_HEAD = 1 << 13,	/* to look at headers */
};

/* Where bytes come from. read fills all of `size` or fails: it is not asked
 * for bytes beyond `end`. */
struct mbox_source {
	void *context;
	int (*read)(void *context, uint64_t offset, void *out, size_t size,
		struct error *error);
	uint64_t end;
};

struct mbox_lines {
	const struct mbox_source *source;
	char *window;
	size_t room;
	uint64_t offset;	/* of the window in the source */
	size_t fill, at;	/* bytes in it; where the next line begins */
	bool is_inside;		/* the last piece did not end its line */
	/* Called before the bytes of earlier lines, which stand one behind the
	 * other, are moved or overwritten; NULL: nobody looks at them. */
	void (*leave)(void *context);
	void *context;
};

/* A line with its LF, or a piece of one. */
struct mbox_line {
	struct span bytes;	/* until the next call */
	uint64_t offset;
	bool begins, ends;	/* ends: with LF, or with the source */
};

/* Of memory: the span lives as long as the source. */
struct mbox_source
mbox_source_memory(const struct span *bytes);
/* Of a file's first `end` bytes. */
struct mbox_source
mbox_source_file(const int *fd, uint64_t end);

/* Begins at an offset that begins a line. window: more than MBOX_FROM_LIMIT. */
void
mbox_lines_init(struct mbox_lines *lines, const struct mbox_source *source,
	uint64_t offset, size_t window);
void
mbox_lines_fini(struct mbox_lines *lines);

/* 1, 0 at the end, -1 with error. */
int
mbox_lines_next(struct mbox_lines *lines, struct mbox_line *line,
	struct error *error);

#endif
