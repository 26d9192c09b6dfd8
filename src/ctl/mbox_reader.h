/*
 * A file in mbox form that another program owns, for `mail -f`, `import` and
 * `export`: its messages one after the other, and writing one. What a message
 * is says store/mbox_scan.h, so that all of Posthouse means the same.
 */
#ifndef CTL_MBOX_READER_H
#define CTL_MBOX_READER_H

#include "base/arena.h"
#include "store/mbox_content.h"

#define MBOX_READER_MESSAGE_LIMIT ((size_t)1 << 30)

struct mbox_reader {
	const char *path;		/* the caller's */
	int fd;
	struct mbox_source source;
	struct mbox_scanner *scanner;
	/* the current message; its key is a hash of what it says */
	struct mbox_message message;
	uint32_t flags;			/* enum store_flag */
	bool is_old;			/* some program has listed it */
};

/* A regular file as it is now; what is appended later is not seen. */
int
mbox_reader_open(struct mbox_reader *reader, const char *path,
	struct error *error);
/* NULL-safe in all its members. */
void
mbox_reader_close(struct mbox_reader *reader);

/* The next message (data of other programs is passed over): 1, 0 at the end. */
int
mbox_reader_next(struct mbox_reader *reader, struct error *error);

/* Goes on with the message that stands at this offset. */
void
mbox_reader_seek(struct mbox_reader *reader, uint64_t offset);

/* The current message as it goes over wires, or byte for byte as it is. */
int
mbox_reader_text(struct mbox_reader *reader, struct buffer *out,
	struct error *error);
int
mbox_reader_raw(struct mbox_reader *reader, struct buffer *out,
	struct error *error);

/* Adds a message in mbox form. */
int
mbox_reader_add(struct buffer *out, struct span wire,
	const struct store_flags *flags, int64_t date, struct error *error);

#endif
