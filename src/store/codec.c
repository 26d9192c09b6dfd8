/*
 * Numbers and sets as the store writes them (doc/formats/records.md, "Numbers").
 * No allocation but of the set or buffer that grows.
 */
#include "store/codec.h"

#include <string.h>

void
codec_add_varint(struct buffer *out, uint64_t n)
{
	char bytes[10];
	size_t size = 0;
	while (n >= 0x80) {
		bytes[size++] = (char)(n | 0x80);
		n >>= 7;
	}
	bytes[size++] = (char)n;
	buffer_add(out, span_of(bytes, size));
}

void
codec_add_signed(struct buffer *out, int64_t n)
{
	codec_add_varint(out, ((uint64_t)n << 1) ^ (uint64_t)(n >> 63));
}

void
codec_add_bytes(struct buffer *out, struct span bytes)
{
	codec_add_varint(out, bytes.size);
	buffer_add(out, bytes);
}

/* Each range as its distance from the one before, and its length less one. */
void
codec_add_set(struct buffer *out, const struct number_set *set)
{
	uint64_t next = 0;
	codec_add_varint(out, set->count);
	for (size_t i = 0; i < set->count; i++) {
		const struct number_range *range = &set->range[i];
		codec_add_varint(out, range->first - next);
		codec_add_varint(out, range->last - range->first);
		next = (uint64_t)range->last + 1;
	}
}

void
codec_reader_init(struct codec_reader *reader, struct span bytes)
{
	*reader = (struct codec_reader){ .rest = bytes };
}

struct span
codec_read_raw(struct codec_reader *reader, size_t n)
{
	if (reader->is_failed || n > reader->rest.size) {
		reader->is_failed = true;
		return span_of(NULL, 0);
	}
	struct span raw = span_first(reader->rest, n);
	reader->rest = span_skip(reader->rest, n);
	return raw;
}

uint8_t
codec_read_byte(struct codec_reader *reader)
{
	struct span raw = codec_read_raw(reader, 1);
	return raw.size == 1 ? (uint8_t)raw.data[0] : 0;
}

static uint64_t
read_little_endian(struct codec_reader *reader, size_t bytes)
{
	struct span raw = codec_read_raw(reader, bytes);
	uint64_t n = 0;
	for (size_t i = raw.size; i > 0; i--)
		n = n << 8 | (uint8_t)raw.data[i - 1];
	return n;
}

uint32_t
codec_read_u32(struct codec_reader *reader)
{
	return (uint32_t)read_little_endian(reader, 4);
}

uint64_t
codec_read_u64(struct codec_reader *reader)
{
	return read_little_endian(reader, 8);
}

uint64_t
codec_read_varint(struct codec_reader *reader)
{
	const char *data = reader->rest.data;
	uint64_t n = 0;
	size_t most = reader->rest.size < 10 ? reader->rest.size : 10;
	for (size_t i = 0; !reader->is_failed && i < most; i++) {
		uint8_t byte = (uint8_t)data[i];
		n |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte >= 0x80)
			continue;
		if (i == 9 && byte > 1)
			break;
		reader->rest = span_of(data + i + 1, reader->rest.size - i - 1);
		return n;
	}
	reader->is_failed = true;
	return 0;
}

uint64_t
codec_read_number(struct codec_reader *reader, uint64_t max)
{
	uint64_t n = codec_read_varint(reader);
	if (n <= max)
		return n;
	reader->is_failed = true;
	return 0;
}

int64_t
codec_read_signed(struct codec_reader *reader)
{
	uint64_t n = codec_read_varint(reader);
	return (int64_t)(n >> 1 ^ (~(n & 1) + 1));
}

struct span
codec_read_bytes(struct codec_reader *reader)
{
	return codec_read_raw(reader, codec_read_number(reader, SIZE_MAX / 2));
}

void
codec_read_set(struct codec_reader *reader, struct number_set *set)
{
	uint64_t next = 0;
	uint64_t count = codec_read_number(reader, reader->rest.size);
	while (count-- > 0) {
		uint64_t first = next + codec_read_number(reader, UINT32_MAX);
		uint64_t last = first + codec_read_number(reader, UINT32_MAX);
		if (last > UINT32_MAX)
			reader->is_failed = true;
		if (reader->is_failed)
			return;
		number_set_add(set, (uint32_t)first, (uint32_t)last);
		next = last + 1;
	}
}

bool
codec_reader_is_done(const struct codec_reader *reader)
{
	return !reader->is_failed && reader->rest.size == 0;
}
