/*
 * See log_format.h. Fields are put and taken at the offsets of the tables in
 * doc/formats/log.md; both directions stand next to each other.
 */
#include "store/log_format.h"

#include <string.h>

#include "base/hash.h"

static const char segment_magic[8] = "PHLOGSEG";
static const char record_magic[4] = "PHrc", mark_magic[4] = "PHmk";

static void
put(char *out, uint64_t n, int bytes)
{
	for (int i = 0; i < bytes; i++)
		out[i] = (char)(n >> 8 * i);
}

static uint64_t
get(const char *in, int bytes)
{
	uint64_t n = 0;
	for (int i = 0; i < bytes; i++)
		n |= (uint64_t)(unsigned char)in[i] << 8 * i;
	return n;
}

uint64_t
log_format_padded(uint64_t size)
{
	return (size + 7) & ~(uint64_t)7;
}

void
log_format_put_segment(char out[LOG_SEGMENT_HEADER],
	const struct log_segment_header *header)
{
	memset(out, 0, LOG_SEGMENT_HEADER);
	memcpy(out, segment_magic, sizeof(segment_magic));
	put(out + 8, LOG_FORMAT_VERSION, 2);
	put(out + 10, LOG_SEGMENT_HEADER, 2);
	put(out + 12, header->salt, 4);
	put(out + 16, header->account, 8);
	put(out + 24, header->number, 8);
	put(out + 32, header->epoch, 8);
	put(out + 40, (uint64_t)header->wall, 8);
	put(out + 48, header->before.mark.segment, 8);
	put(out + 56, header->before.mark.offset, 8);
	put(out + 64, header->before.salt, 4);
	put(out + 68, header->before.crc, 4);
	put(out + 124, hash_crc32c(0, out, 124), 4);
}

enum log_format_found
log_format_get_segment(const char in[LOG_SEGMENT_HEADER], uint64_t account,
	uint64_t number, struct log_segment_header *header)
{
	memset(header, 0, sizeof(*header));
	if (memcmp(in, segment_magic, sizeof(segment_magic)) != 0)
		return LOG_FORMAT_WRONG;
	/* A newer header may be of any size; ours is its first part. */
	if (get(in + 8, 2) > LOG_FORMAT_VERSION &&
		get(in + 10, 2) != LOG_SEGMENT_HEADER)
		return LOG_FORMAT_NEWER;
	if (hash_crc32c(0, in, 124) != get(in + 124, 4))
		return LOG_FORMAT_WRONG;
	header->version = (uint16_t)get(in + 8, 2);
	if (header->version > LOG_FORMAT_VERSION)
		return LOG_FORMAT_NEWER;
	header->salt = (uint32_t)get(in + 12, 4);
	header->account = get(in + 16, 8);
	header->number = get(in + 24, 8);
	header->epoch = get(in + 32, 8);
	header->wall = (int64_t)get(in + 40, 8);
	header->before.mark.segment = get(in + 48, 8);
	header->before.mark.offset = get(in + 56, 8);
	header->before.salt = (uint32_t)get(in + 64, 4);
	header->before.crc = (uint32_t)get(in + 68, 4);
	if (header->account != account || header->number != number ||
		header->before.mark.segment >= number)
		return LOG_FORMAT_WRONG;
	return LOG_FORMAT_RIGHT;
}

static uint32_t
record_crc(const char *bytes, uint32_t salt, struct log_position at)
{
	char place[20];
	put(place, salt, 4);
	put(place + 4, at.segment, 8);
	put(place + 12, at.offset, 8);
	return hash_crc32c(hash_crc32c(0, bytes, 84), place, sizeof(place));
}

void
log_format_put_record(char out[LOG_RECORD_HEADER],
	const struct log_record_header *header, uint32_t salt,
	struct log_position at)
{
	memcpy(out, record_magic, sizeof(record_magic));
	put(out + 4, header->size, 4);
	put(out + 8, header->kind, 2);
	put(out + 10, header->flags, 2);
	put(out + 12, header->payload_crc, 4);
	put(out + 16, header->modseq, 8);
	put(out + 24, (uint64_t)header->wall, 8);
	put(out + 32, header->epoch, 8);
	put(out + 40, header->actor, 8);
	memcpy(out + 48, header->trace, 16);
	memcpy(out + 64, header->before, LOG_HASH);
	put(out + 84, record_crc(out, salt, at), 4);
}

bool
log_format_get_record(const char in[LOG_RECORD_HEADER], uint32_t salt,
	struct log_position at, struct log_record_header *header)
{
	if (!log_format_is_record(in) || get(in + 84, 4) != record_crc(in, salt, at))
		return false;
	header->size = (uint32_t)get(in + 4, 4);
	header->kind = (uint16_t)get(in + 8, 2);
	header->flags = (uint16_t)get(in + 10, 2);
	header->payload_crc = (uint32_t)get(in + 12, 4);
	header->modseq = get(in + 16, 8);
	header->wall = (int64_t)get(in + 24, 8);
	header->epoch = get(in + 32, 8);
	header->actor = get(in + 40, 8);
	memcpy(header->trace, in + 48, 16);
	memcpy(header->before, in + 64, LOG_HASH);
	return header->size <= LOG_RECORD_LIMIT;
}

static uint32_t
mark_crc(const char *bytes, uint64_t account, uint64_t offset)
{
	char place[16];
	put(place, account, 8);
	put(place + 8, offset, 8);
	return hash_crc32c(hash_crc32c(0, bytes, 92), place, sizeof(place));
}

void
log_format_put_mark(char out[LOG_MARK], uint64_t account,
	struct log_mark *mark)
{
	memcpy(out, mark_magic, sizeof(mark_magic));
	put(out + 4, mark->salt, 4);
	put(out + 8, mark->at.segment, 8);
	put(out + 16, mark->start, 8);
	put(out + 24, mark->head, 8);
	put(out + 32, mark->count, 4);
	put(out + 36, mark->headers_crc, 4);
	put(out + 40, mark->sequence, 8);
	put(out + 48, mark->epoch, 8);
	put(out + 56, mark->checkpoint.segment, 8);
	put(out + 64, mark->checkpoint.offset, 8);
	memcpy(out + 72, mark->hash, LOG_HASH);
	mark->crc = mark_crc(out, account, mark->at.offset);
	put(out + 92, mark->crc, 4);
}

bool
log_format_get_mark(const char in[LOG_MARK], uint64_t account,
	struct log_position at, struct log_mark *mark)
{
	if (!log_format_is_mark(in) || get(in + 8, 8) != at.segment ||
		get(in + 92, 4) != mark_crc(in, account, at.offset))
		return false;
	mark->at = at;
	mark->salt = (uint32_t)get(in + 4, 4);
	mark->start = get(in + 16, 8);
	mark->head = get(in + 24, 8);
	mark->count = (uint32_t)get(in + 32, 4);
	mark->headers_crc = (uint32_t)get(in + 36, 4);
	mark->sequence = get(in + 40, 8);
	mark->epoch = get(in + 48, 8);
	mark->checkpoint.segment = get(in + 56, 8);
	mark->checkpoint.offset = get(in + 64, 8);
	memcpy(mark->hash, in + 72, LOG_HASH);
	mark->crc = (uint32_t)get(in + 92, 4);
	return mark->start >= LOG_SEGMENT_HEADER && mark->start % 8 == 0 &&
		mark->head % 8 == 0 && mark->start <= mark->head &&
		mark->head < at.offset && at.segment != 0 &&
		mark->checkpoint.segment <= at.segment;
}

bool
log_format_is_record(const char in[4])
{
	return memcmp(in, record_magic, 4) == 0;
}

bool
log_format_is_mark(const char in[4])
{
	return memcmp(in, mark_magic, 4) == 0;
}
