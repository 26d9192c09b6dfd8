/*
 * Reading one segment: windows of it, its marks, its groups, and what can be
 * saved of a damaged stretch. Everything read may be damaged or hostile; all
 * work is bounded by the size of the segment. Not shared between threads.
 */
#ifndef STORE_LOG_READER_H
#define STORE_LOG_READER_H

#include "store/log_format.h"

struct log_reader {
	struct engine *engine;
	struct engine_pin pin;
	bool is_pinned;
	uint64_t account, number;
	uint64_t size;			/* bytes of the segment */
	enum log_format_found found;	/* the header */
	struct log_segment_header header;	/* zeros unless RIGHT */
	uint32_t salt;			/* of the header, or of a mark */
	bool has_salt;
	/* the window */
	char *data;
	size_t room, filled, ahead;
	uint64_t start;
	uint32_t unreadable;		/* reads that failed */
};

struct log_entry {
	struct log_record_header header;
	uint64_t offset;		/* of the header */
};

struct log_group {
	struct log_entry *entry;
	size_t count, room;
	bool has_mark;
	struct log_mark mark;		/* when has_mark */
	uint64_t end;			/* offset behind it */
};

/* from_end: the tail is what will be wanted first. */
int
log_reader_open(struct log_reader *reader, struct engine *engine,
	struct engine_claim *claim, uint64_t account, uint64_t number,
	bool from_end, struct error *error);
void
log_reader_close(struct log_reader *reader);

/* The bytes, until the next call; NULL: beyond the end or unreadable. */
const char *
log_reader_get(struct log_reader *reader, uint64_t offset, size_t size);

/* A valid mark at exactly this offset. */
bool
log_reader_mark(struct log_reader *reader, uint64_t offset,
	struct log_mark *mark);

/* The last valid mark that ends at or before limit. */
bool
log_reader_mark_before(struct log_reader *reader, uint64_t limit,
	struct log_mark *mark);

/* Is there a record at this offset that is right in all its bytes? */
bool
log_reader_record(struct log_reader *reader, uint64_t offset, uint64_t limit,
	struct log_record_header *header);

/*
 * The group at `start`, true when every byte of it is right. Entries are in
 * group->entry either way (those before the first fault).
 */
bool
log_reader_group(struct log_reader *reader, uint64_t start, uint64_t limit,
	struct log_group *group);

/*
 * From `start` up to the next valid mark (has_mark) or the limit: the records
 * that are right by themselves.
 */
void
log_reader_salvage(struct log_reader *reader, uint64_t start, uint64_t limit,
	struct log_group *group);

void
log_group_fini(struct log_group *group);

#endif
