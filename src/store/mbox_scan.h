/*
 * Finds the messages of an mbox: where each begins and ends, its key, its
 * flags and where they stand. Bounded memory for files, headers and lines of
 * any size.
 *
 * A message begins with a From_ line (mbox_from.h) that is the first of the
 * file or follows an empty line, and ends with the next one. A Content-Length
 * that leads exactly to a From_ line or to the end of the file is believed,
 * which lets bodies hold such lines.
 */
#ifndef STORE_MBOX_SCAN_H
#define STORE_MBOX_SCAN_H

#include "store/format.h"
#include "store/mbox_fields.h"
#include "store/mbox_from.h"
#include "store/mbox_lines.h"

enum {
	MBOX_QUOTES_LIMIT = 998,	/* of '>' before "From ", as a line's */
};

/* One of the fields of mbox_fields.h in a header. */
struct mbox_value {
	struct span text;	/* without blanks around; folds are blanks */
	uint64_t offset;	/* behind the colon */
	size_t room;		/* from there to the end of the line */
	unsigned count;		/* of such fields; `text` is that of the first */
	bool is_folded;
};

struct mbox_message {
	uint64_t place;		/* of its From_ line */
	uint64_t head, head_end;	/* header: its first line, its empty line */
	uint64_t body;		/* behind the empty line */
	uint64_t body_end;	/* before the empty line that is not part of it */
	uint64_t end;		/* where the next From_ line is, or the end */
	uint64_t size;		/* see struct format_entry */
	uint8_t key[FORMAT_KEY_SIZE];
	int64_t date;
	int zone;
	struct mbox_value value[MBOX_FIELD_COUNT];	/* until the next call */
	bool has_head_end;	/* the empty line is there */
	bool is_internal;	/* not mail: where c-client keeps its numbers */
	bool is_claiming;	/* its Content-Length leads beyond the end: more
				 * bytes may show that it is right */
	bool ends_well;		/* the empty line behind it is there */
	bool is_unquoted;	/* a line of the body begins with "From ": nobody
				 * has quoted such lines here */
};

struct mbox_scanner;

/* Begins at an offset where a From_ line is (or, at 0, empty lines before it).
 * heads_only: a message ends with its header; size, key and end are not set. */
struct mbox_scanner *
mbox_scanner_new(const struct mbox_source *source, uint64_t offset,
	bool heads_only);
void
mbox_scanner_free(struct mbox_scanner **scanner);

/* 1, 0 at the end; -1 with error: DAMAGED when there is no From_ line where one
 * must be. */
int
mbox_scanner_next(struct mbox_scanner *scanner, struct mbox_message *message,
	struct error *error);

/* Is there a From_ line at this offset? */
int
mbox_scan_is_from(const struct mbox_source *source, uint64_t offset,
	bool *is_from, struct error *error);

/* How many '>' stand before "From " at the start of a line; -1: it is another
 * line. */
int
mbox_scan_quotes(struct span line);

#endif
