/*
 * The bytes of a log: segment header, record header, commit mark, as
 * doc/formats/log.md has them. Functions over memory; no I/O. What is decoded
 * may come from a damaged disk, so every decoder says whether it is right.
 */
#ifndef STORE_LOG_FORMAT_H
#define STORE_LOG_FORMAT_H

#include "store/log.h"

enum {
	LOG_FORMAT_VERSION = 1,
	LOG_SEGMENT_HEADER = 128,
	LOG_RECORD_HEADER = 88,
	LOG_MARK = 96,
	LOG_HASH = 20,
	LOG_KIND_HEAD = 0,
	LOG_FLAGS_STORED = 0x7fff,
};

struct log_mark {
	struct log_position at;		/* of the mark itself; segment 0: none */
	uint32_t salt, crc;
	uint64_t start, head;		/* offsets of the group and its head record */
	uint32_t count, headers_crc;
	uint64_t sequence, epoch;
	struct log_position checkpoint;	/* segment 0: none */
	uint8_t hash[LOG_HASH];		/* of the group's last record */
};

struct log_segment_header {
	uint16_t version;
	uint32_t salt;
	uint64_t account, number, epoch;
	int64_t wall;
	struct log_applied before;	/* the last mark of the log before this */
};

struct log_record_header {
	uint32_t size, payload_crc;
	uint16_t kind, flags;
	uint64_t modseq, epoch, actor;
	int64_t wall;
	char trace[16];
	uint8_t before[LOG_HASH];
};

/* Payload and padding. */
uint64_t
log_format_padded(uint64_t size);

void
log_format_put_segment(char out[LOG_SEGMENT_HEADER],
	const struct log_segment_header *header);

enum log_format_found { LOG_FORMAT_RIGHT, LOG_FORMAT_WRONG, LOG_FORMAT_NEWER };
enum log_format_found
log_format_get_segment(const char in[LOG_SEGMENT_HEADER], uint64_t account,
	uint64_t number, struct log_segment_header *header);

/* `at` is the offset of the header. */
void
log_format_put_record(char out[LOG_RECORD_HEADER],
	const struct log_record_header *header, uint32_t salt,
	struct log_position at);
bool
log_format_get_record(const char in[LOG_RECORD_HEADER], uint32_t salt,
	struct log_position at, struct log_record_header *header);

/* Computes mark->crc. */
void
log_format_put_mark(char out[LOG_MARK], uint64_t account,
	struct log_mark *mark);
bool
log_format_get_mark(const char in[LOG_MARK], uint64_t account,
	struct log_position at, struct log_mark *mark);

/* Can a record or a mark begin with these bytes? */
bool
log_format_is_record(const char in[4]);
bool
log_format_is_mark(const char in[4]);

#endif
