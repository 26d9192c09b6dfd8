/*
 * What the files of the log share: its state, and how they find each other.
 * Only src/store/log*.c include this. Format and rules: doc/formats/log.md.
 */
#ifndef STORE_LOG_INNER_H
#define STORE_LOG_INNER_H

#include <pthread.h>

#include "store/log_reader.h"

/* What was written of a group so far. */
struct log_part {
	uint64_t start, at;		/* offsets; at 0: there is none */
	uint32_t count, headers_crc;
	uint8_t hash[LOG_HASH];
};

struct log {
	struct engine *engine;
	struct engine_claim *claim;
	uint64_t account, epoch, segment_size;
	int64_t (*wall_clock)(void);

	pthread_mutex_t lock;		/* of the following, for readers */
	struct log_mark end;		/* the last durable group */
	uint64_t *number;		/* segments, ascending */
	size_t number_count, number_room;
	struct log_position *damage;	/* where damaged stretches begin */
	size_t damage_count;

	/* The appending thread's own. */
	uint64_t current;		/* segment being written; 0: a new one next */
	uint64_t offset;		/* its end; 0: the header comes first */
	uint32_t salt;
	struct log_part part;		/* behind `offset` */
	bool must_cut;			/* truncate to `offset` before writing */
	bool is_lost;			/* the claim */
	uint32_t bodies;		/* made in this epoch, guarded by lock */
};

/* Finds the end of the log; fills what is above but for engine, claim, ... */
int
log_recover(struct log *log, struct buffer *head, struct error *error);

/*
 * Where the valid part of a segment ends; 0 when nothing in it is valid.
 * `end` is the end of the log as the caller sees it.
 */
uint64_t
log_recover_limit(struct log *log, const struct log_mark *end, uint64_t number);

/* Counts and reports a damaged stretch, once. */
void
log_report_damage(struct log *log, const char *what, uint64_t segment,
	uint64_t offset, uint64_t size);

bool
log_has_segment(struct log *log, uint64_t number);
void
log_add_segment(struct log *log, uint64_t number);

/* A copy of the numbers; memory_free. */
size_t
log_copy_segments(struct log *log, uint64_t **numbers);

struct log_mark
log_copy_end(struct log *log);

struct log_applied
log_applied_of(const struct log_mark *mark);

#endif
