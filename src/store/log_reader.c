/*
 * See log_reader.h; the rules are in doc/formats/log.md, "Opening" and "Replay".
 */
#include "store/log_reader.h"

#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"

enum {
	WINDOW_FIRST = 16384,	/* covers the last group of most accounts */
	WINDOW_MOST = 262144,
	CHECK_CHUNK = 65536,
};

static void
use_header(struct log_reader *reader, const char *bytes)
{
	reader->found = LOG_FORMAT_WRONG;
	if (bytes == NULL)
		return;
	reader->found = log_format_get_segment(bytes, reader->account,
		reader->number, &reader->header);
	if (reader->found == LOG_FORMAT_RIGHT) {
		reader->salt = reader->header.salt;
		reader->has_salt = true;
	}
}

int
log_reader_open(struct log_reader *reader, struct engine *engine,
	struct engine_claim *claim, uint64_t account, uint64_t number,
	bool from_end, struct error *error)
{
	char bytes[LOG_SEGMENT_HEADER];
	struct error ignored;
	memset(reader, 0, sizeof(*reader));
	reader->engine = engine;
	reader->account = account;
	reader->number = number;
	reader->ahead = WINDOW_FIRST;
	if (engine->call->pin(claim, ENGINE_SEGMENT, number, &reader->pin,
			error) < 0)
		return -1;
	reader->is_pinned = true;
	reader->size = reader->pin.size;
	uint64_t tail = reader->size > WINDOW_FIRST ?
		reader->size - WINDOW_FIRST : 0;
	if (from_end && tail > 0) {
		log_reader_get(reader, tail, WINDOW_FIRST);
		bool ok = file_read_at(reader->pin.fd, bytes, sizeof(bytes),
			reader->pin.offset, &ignored) == 0;
		use_header(reader, ok ? bytes : NULL);
	} else
		use_header(reader, log_reader_get(reader, 0, LOG_SEGMENT_HEADER));
	struct log_mark mark;
	if (reader->found == LOG_FORMAT_WRONG && !reader->has_salt &&
		log_reader_mark_before(reader, reader->size, &mark)) {
		reader->salt = mark.salt;
		reader->has_salt = true;
	}
	return 0;
}

void
log_reader_close(struct log_reader *reader)
{
	if (reader->is_pinned)
		reader->engine->call->unpin(&reader->pin);
	reader->is_pinned = false;
	memory_free(reader->data);
	reader->data = NULL;
	reader->filled = reader->room = 0;
}

static const char *
fill(struct log_reader *reader, uint64_t offset, size_t size)
{
	struct error ignored;
	size_t want = size > reader->ahead ? size : reader->ahead;
	if (want > reader->size - offset)
		want = (size_t)(reader->size - offset);
	if (want > reader->room) {
		memory_free(reader->data);
		reader->data = memory_new(want);
		reader->room = want;
	}
	reader->filled = 0;
	if (file_read_at(reader->pin.fd, reader->data, want,
			reader->pin.offset + offset, &ignored) < 0) {
		/* Perhaps only what was read ahead is unreadable. */
		reader->unreadable++;
		want = size;
		if (file_read_at(reader->pin.fd, reader->data, want,
				reader->pin.offset + offset, &ignored) < 0)
			return NULL;
	}
	if (offset == reader->start + reader->filled &&
		reader->ahead < WINDOW_MOST)
		reader->ahead *= 2;
	reader->start = offset;
	reader->filled = want;
	return reader->data;
}

const char *
log_reader_get(struct log_reader *reader, uint64_t offset, size_t size)
{
	if (offset > reader->size || size > reader->size - offset)
		return NULL;
	if (offset >= reader->start &&
		offset - reader->start <= reader->filled &&
		size <= reader->filled - (offset - reader->start))
		return reader->data + (offset - reader->start);
	return fill(reader, offset, size);
}

bool
log_reader_mark(struct log_reader *reader, uint64_t offset,
	struct log_mark *mark)
{
	if (offset % 8 != 0 || offset < LOG_SEGMENT_HEADER)
		return false;
	const char *bytes = log_reader_get(reader, offset, LOG_MARK);
	struct log_position at = { reader->number, offset };
	if (bytes == NULL ||
		!log_format_get_mark(bytes, reader->account, at, mark))
		return false;
	return !reader->has_salt || mark->salt == reader->salt;
}

bool
log_reader_mark_before(struct log_reader *reader, uint64_t limit,
	struct log_mark *mark)
{
	if (limit > reader->size)
		limit = reader->size;
	uint64_t high = limit & ~(uint64_t)7;	/* marks below are not looked at yet */
	while (high >= LOG_SEGMENT_HEADER + LOG_MARK) {
		uint64_t low = high > WINDOW_FIRST + LOG_SEGMENT_HEADER ?
			high - WINDOW_FIRST : LOG_SEGMENT_HEADER;
		for (uint64_t at = high - LOG_MARK;; at -= 8) {
			const char *bytes = at - low > high - low ? NULL :
				log_reader_get(reader, low, (size_t)(high - low));
			if (bytes == NULL)
				break;
			if (log_format_is_mark(bytes + (at - low)) &&
				log_reader_mark(reader, at, mark))
				return true;
			if (at == low)
				break;
		}
		if (low == LOG_SEGMENT_HEADER)
			return false;
		high = low + LOG_MARK - 8;	/* marks that begin below low */
	}
	return false;
}

static bool
payload_is_right(struct log_reader *reader, uint64_t offset,
	const struct log_record_header *header)
{
	uint32_t crc = 0;
	uint64_t left = header->size;
	while (left > 0) {
		size_t part = left > CHECK_CHUNK ? CHECK_CHUNK : (size_t)left;
		const char *bytes = log_reader_get(reader, offset, part);
		if (bytes == NULL)
			return false;
		crc = hash_crc32c(crc, bytes, part);
		offset += part;
		left -= part;
	}
	return crc == header->payload_crc;
}

static uint64_t
record_end(uint64_t offset, const struct log_record_header *header)
{
	return offset + LOG_RECORD_HEADER + log_format_padded(header->size);
}

/* The header alone; its payload ends before the limit. */
static bool
header_is_right(struct log_reader *reader, uint64_t offset, uint64_t limit,
	struct log_record_header *header)
{
	if (!reader->has_salt || offset > limit ||
		limit - offset < LOG_RECORD_HEADER)
		return false;
	const char *bytes = log_reader_get(reader, offset, LOG_RECORD_HEADER);
	struct log_position at = { reader->number, offset };
	return bytes != NULL &&
		log_format_get_record(bytes, reader->salt, at, header) &&
		record_end(offset, header) <= limit;
}

bool
log_reader_record(struct log_reader *reader, uint64_t offset, uint64_t limit,
	struct log_record_header *header)
{
	return header_is_right(reader, offset, limit, header) &&
		payload_is_right(reader, offset + LOG_RECORD_HEADER, header);
}

static void
add_entry(struct log_group *group, const struct log_record_header *header,
	uint64_t offset)
{
	if (group->count == group->room) {
		group->room = group->room == 0 ? 8 : group->room * 2;
		group->entry = memory_resize(group->entry,
			group->room * sizeof(*group->entry));
	}
	group->entry[group->count++] = (struct log_entry){ *header, offset };
}

static void
begin_group(struct log_group *group, uint64_t start)
{
	group->count = 0;
	group->has_mark = false;
	group->end = start;
}

bool
log_reader_group(struct log_reader *reader, uint64_t start, uint64_t limit,
	struct log_group *group)
{
	struct log_record_header header;
	uint32_t headers_crc = 0;
	uint64_t at = start, last = 0;
	begin_group(group, start);
	while (group->count <= LOG_GROUP_LIMIT &&
		header_is_right(reader, at, limit, &header)) {
		headers_crc = hash_crc32c(headers_crc,
			log_reader_get(reader, at, LOG_RECORD_HEADER),
			LOG_RECORD_HEADER);
		if (!payload_is_right(reader, at + LOG_RECORD_HEADER, &header))
			return false;
		add_entry(group, &header, at);
		last = at;
		at = record_end(at, &header);
	}
	struct log_mark *mark = &group->mark;
	if (limit < LOG_MARK || at > limit - LOG_MARK ||
		!log_reader_mark(reader, at, mark))
		return false;
	group->has_mark = true;
	group->end = at + LOG_MARK;
	return mark->start == start && mark->count == group->count &&
		mark->head == last && mark->headers_crc == headers_crc;
}

void
log_reader_salvage(struct log_reader *reader, uint64_t start, uint64_t limit,
	struct log_group *group)
{
	struct log_record_header header;
	uint64_t at = start;
	begin_group(group, start);
	while (limit - at >= 8 && at < limit) {
		const char *bytes = log_reader_get(reader, at, 8);
		uint64_t next = bytes == NULL ? (at | 4095) + 1 : at + 8;
		if (bytes != NULL && log_format_is_record(bytes) &&
			header_is_right(reader, at, limit, &header)) {
			next = record_end(at, &header);
			if (payload_is_right(reader, at + LOG_RECORD_HEADER,
					&header))
				add_entry(group, &header, at);
		} else if (bytes != NULL && log_format_is_mark(bytes) &&
			limit - at >= LOG_MARK &&
			log_reader_mark(reader, at, &group->mark)) {
			group->has_mark = true;
			group->end = at + LOG_MARK;
			return;
		}
		at = next;
	}
	group->end = limit;
}

void
log_group_fini(struct log_group *group)
{
	memory_free(group->entry);
	memset(group, 0, sizeof(*group));
}
