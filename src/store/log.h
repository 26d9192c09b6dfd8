/*
 * One account's log: numbered segments of groups of records, on top of an
 * engine. A group is written with one append (one sync) and ends with a commit
 * mark; it is there whole or not at all. This layer knows record headers,
 * groups, marks, heads, recovery and segments; what payloads mean is record.h's
 * business. Format: doc/formats/log.md.
 *
 * One thread at a time appends (the account's leader); reading a pinned body
 * may happen at any time from any thread.
 */
#ifndef STORE_LOG_H
#define STORE_LOG_H

#include "base/buffer.h"
#include "store/engine.h"

struct log;

enum {
	LOG_RECORD_LIMIT = 0x7fffffff,	/* bytes of one payload */
	LOG_GROUP_LIMIT = 10000,	/* records of one group */
};

/* Where a payload begins. Body objects have segment LOG_BODY and their number
 * as offset. */
struct log_position {
	uint64_t segment, offset;
};
#define LOG_BODY UINT64_MAX

enum log_flag {
	LOG_MUST_UNDERSTAND = 1,	/* a reader that does not know the kind stops */
	LOG_COMPRESSED = 2, LOG_ENCRYPTED = 4,	/* reserved */
	LOG_STATE_END = 8,	/* last record of a whole-state checkpoint, which is ONE
				 * group: records before it are needed for bodies only */
	LOG_FROM_RESERVE = 0x8000,	/* not stored: on a full disk this group may use
					 * the space held back (expunge, flags) */
};

/* A record to be written. */
struct log_record {
	uint16_t kind, flags;		/* kind 0 is the log's own */
	uint64_t modseq;
	uint64_t actor;
	char trace[16];			/* zeros: none */
	const struct iovec *piece;	/* payload */
	int piece_count;
	struct log_position position;	/* out, after log_append */
};

/* A record found; its payload has the right checksum. */
struct log_found {
	uint16_t kind, flags;
	uint64_t modseq, epoch, actor;
	int64_t wall;			/* ms */
	char trace[16];
	uint64_t size;			/* of the payload */
	struct log_position position;
	struct span payload;		/* during the visit; data is NULL when it is too
					 * large (log_read then) */
};
enum { LOG_FOUND_SIZE = 1 << 20 };	/* payloads up to this are given at a visit */

/* Identifies the last group an index has applied; all zero: none. */
struct log_applied {
	struct log_position mark;
	uint32_t salt, crc;
};

/*
 * Claims the account, finds the end of the log, cuts a torn tail, sets damage
 * aside. *head receives the payload of the last head record. Empty with
 * log_end().mark.segment 0: a new account (GONE without create). Empty though
 * there is a log: the head was damaged, the state must come from log_replay.
 * wall_clock gives ms. Writes nothing.
 */
int
log_open(struct engine *engine, uint64_t account, bool create,
	uint64_t segment_size, int64_t (*wall_clock)(void), struct log **log,
	struct buffer *head, struct error *error);
void
log_close(struct log **log);

/* Number of damaged stretches met so far, by open and by replays. */
unsigned
log_damage(const struct log *log);

/*
 * Appends records and a head record with `head` as one durable group; fills
 * their positions. -1: nothing of it will ever be seen; the tail was cut or the
 * segment sealed, and a later append may succeed (a new segment is then used).
 * After ERROR_LOST_CLAIM none will. ERROR_FULL: what was written of it has been
 * cut, durably; after any other code a power cut may still show it, whole
 * (doc/formats/log.md), so what it names must not be removed.
 */
int
log_append(struct log *log, struct log_record *records, size_t count,
	struct span head, struct error *error);

/*
 * The first records of a group that is too large to be held in memory, durable
 * but in no group before log_append has added the last ones, its head and its
 * mark. -1 as there: the group is refused, with all its parts. Nothing else may
 * be appended meanwhile.
 */
int
log_append_part(struct log *log, struct log_record *records, size_t count,
	struct error *error);
/* There will be no end to the parts that were appended (if any were). */
void
log_drop_parts(struct log *log);

/* Bytes the disk has left: deliveries are refused below a limit. */
uint64_t
log_room(struct log *log);

/* The next append begins a new segment. */
void
log_seal(struct log *log);

/* Where caches of this account may be kept: a borrowed directory, or -1. */
int
log_cache_directory(struct log *log);

/* The epoch of the records that this process writes. */
uint64_t
log_epoch(const struct log *log);

/* The last group that is durable; all zero in an empty log. */
struct log_applied
log_end(const struct log *log);

/* Is this group in the log, exactly so, with all that was written after it?
 * False: the index must be rebuilt. */
bool
log_has(struct log *log, const struct log_applied *applied);

/*
 * Visits every durable record after `from` (NULL or all zero: from the newest
 * checkpoint that is whole, its records included, or the beginning), in order;
 * heads and marks are passed over. The visitor returns 0 to go on, -1 (with
 * error) to stop. `group` is the applied-mark of the group the record belongs
 * to; all records of a group are visited one after the other. Sees the log as
 * it was when the call began. A visitor must not append.
 */
extern const struct log_applied log_beginning;	/* `from`: all that is there */
typedef int
log_visitor(void *context, struct log *log, const struct log_found *record,
	const struct log_applied *group, struct error *error);
int
log_replay(struct log *log, const struct log_applied *from,
	log_visitor *visitor, void *context, struct error *error);

/* Reads payload bytes of a record found or appended. */
int
log_read(struct log *log, struct log_position position, void *out, size_t size,
	struct error *error);

/* Reads the whole payload of a record and makes sure that it is what was
 * written: DAMAGED. */
int
log_read_whole(struct log *log, struct log_position position, void *out,
	size_t size, struct error *error);

/* Pins the object a position is in: fd and offset of the position itself. The
 * pin outlives the log. */
int
log_pin(struct log *log, struct log_position position, struct engine_pin *pin,
	struct error *error);

/* A durable body object (for large bodies) before the record that names it;
 * one of which no record speaks is removed by log_bodies_sweep. */
int
log_body_create(struct log *log, const struct iovec *pieces, int count,
	struct log_position *position, struct error *error);
int
log_body_remove(struct log *log, struct log_position position,
	struct error *error);

/* Segments in ascending order; the last is the one being written. */
struct log_segment {
	uint64_t number, size;
};
size_t
log_segments(struct log *log, struct log_segment **segments);	/* memory_free */

/* Removes a sealed segment in which nothing is alive. It must be older than
 * the one with the newest checkpoint: REFUSED otherwise. */
int
log_segment_remove(struct log *log, uint64_t number, struct error *error);

/* Bodies that no live record names: `alive` says which are. */
int
log_bodies_sweep(struct log *log, bool (*alive)(void *context, uint64_t number),
	void *context, struct error *error);

#endif
