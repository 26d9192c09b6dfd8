/*
 * Blocks and summaries as bytes (doc/formats/records.md, "Blocks"), for the
 * index and for whole states in the log. Column after column, as differences,
 * so that a block of 1,024 messages takes some 20 KB.
 */
#include "store/block.h"
#include "store/log.h"

enum { FORMAT_VERSION = 1, FORM_ALL = 0, FORM_TOMBSTONES = 1 };

static void
add_column(struct buffer *out, const uint64_t *column, unsigned count)
{
	uint64_t before = 0;
	for (unsigned i = 0; i < count; i++) {
		codec_add_signed(out, (int64_t)(column[i] - before));
		before = column[i];
	}
}

static void
read_column(struct codec_reader *reader, uint64_t *column, unsigned count)
{
	uint64_t before = 0;
	for (unsigned i = 0; i < count; i++) {
		before += (uint64_t)codec_read_signed(reader);
		column[i] = before;
	}
}

static void
add_uids(struct buffer *out, const struct block *block)
{
	unsigned next = 0;
	for (unsigned i = 0; i < block->count; i++) {
		codec_add_varint(out, block->uid[i] - next);
		next = block->uid[i] + 1u;
	}
}

static void
read_uids(struct codec_reader *reader, struct block *block)
{
	uint64_t next = 0;
	for (unsigned i = 0; i < block->count; i++) {
		uint64_t uid = next + codec_read_number(reader, BLOCK_SLOTS);
		if (uid >= BLOCK_SLOTS)
			reader->is_failed = true;
		block->uid[i] = (uint16_t)uid;
		next = uid + 1;
	}
}

static void
add_messages(struct buffer *out, const struct block *block)
{
	for (unsigned i = 0; i < block->count; i++)
		codec_add_varint(out, block->flags[i]);
	for (unsigned i = 0; i < block->count; i++)
		codec_add_varint(out, block->segment[i] == LOG_BODY ? 0 :
			block->segment[i]);
	add_column(out, block->offset, block->count);
	for (unsigned i = 0; i < block->count; i++)
		codec_add_varint(out, block->size[i]);
	add_column(out, (const uint64_t *)block->date, block->count);
	for (unsigned i = 0; i < block->count; i++)
		codec_add_signed(out, (int64_t)((uint64_t)block->saved[i] -
			(uint64_t)block->date[i]));
	for (unsigned i = 0; i < block->count; i++)
		codec_add_signed(out, block->zone[i]);
}

static void
read_messages(struct codec_reader *reader, struct block *block)
{
	for (unsigned i = 0; i < block->count; i++)
		block->flags[i] = codec_read_varint(reader);
	for (unsigned i = 0; i < block->count; i++) {
		uint64_t segment = codec_read_varint(reader);
		block->segment[i] = segment == 0 ? LOG_BODY : segment;
	}
	read_column(reader, block->offset, block->count);
	for (unsigned i = 0; i < block->count; i++)
		block->size[i] = codec_read_varint(reader);
	read_column(reader, (uint64_t *)block->date, block->count);
	for (unsigned i = 0; i < block->count; i++)
		block->saved[i] = (int64_t)((uint64_t)block->date[i] +
			(uint64_t)codec_read_signed(reader));
	for (unsigned i = 0; i < block->count; i++)
		block->zone[i] = (int16_t)codec_read_signed(reader);
}

void
block_encode(const struct block *block, struct buffer *out)
{
	bool is_dead = block_next(block->there, 0) == BLOCK_SLOTS;
	buffer_add_byte(out, FORMAT_VERSION);
	buffer_add_byte(out, is_dead ? FORM_TOMBSTONES : FORM_ALL);
	codec_add_varint(out, block->count);
	for (unsigned i = 0; i < (block->count + 7) / 8; i++)
		buffer_add_byte(out, (char)(block->there[i / 8] >> i % 8 * 8));
	add_uids(out, block);
	add_column(out, block->modseq, block->count);
	add_column(out, block->created, block->count);
	add_column(out, block->email, block->count);
	if (!is_dead)
		add_messages(out, block);
}

static void
read_bits(struct codec_reader *reader, struct block *block)
{
	unsigned size = (block->count + 7) / 8;
	struct span bits = codec_read_raw(reader, size);
	for (unsigned i = 0; i < bits.size; i++)
		block->there[i / 8] |= (uint64_t)(uint8_t)bits.data[i] <<
			i % 8 * 8;
	if (block_next(block->there, block->count) != BLOCK_SLOTS)
		reader->is_failed = true;
}

struct block *
block_decode(struct span bytes)
{
	struct codec_reader reader;
	codec_reader_init(&reader, bytes);
	if (codec_read_byte(&reader) != FORMAT_VERSION)
		return NULL;
	uint8_t form = codec_read_byte(&reader);
	uint64_t count = codec_read_number(&reader, BLOCK_SLOTS);
	if (reader.is_failed || form > FORM_TOMBSTONES)
		return NULL;
	struct block *block = block_new(count == 0 ? 1 : (unsigned)count);
	block->count = (unsigned)count;
	read_bits(&reader, block);
	read_uids(&reader, block);
	read_column(&reader, block->modseq, block->count);
	read_column(&reader, block->created, block->count);
	read_column(&reader, block->email, block->count);
	if (form == FORM_ALL)
		read_messages(&reader, block);
	else
		block_clear_messages(block);
	if (!codec_reader_is_done(&reader))
		block_free(&block);
	return block;
}

void
summary_encode(const struct summary *summary, struct buffer *out)
{
	codec_add_varint(out, summary->there);
	codec_add_varint(out, summary->unseen);
	codec_add_varint(out, summary->deleted);
	codec_add_varint(out, summary->tombstones);
	codec_add_varint(out, summary->first);
	codec_add_varint(out, summary->last);
	codec_add_varint(out, summary->size);
	codec_add_varint(out, summary->deleted_size);
	codec_add_varint(out, summary->modseq);
	codec_add_varint(out, summary->created);
	codec_add_varint(out, summary->vanished_low);
	codec_add_varint(out, summary->vanished_high);
	codec_add_varint(out, summary->flags_any);
	codec_add_varint(out, summary->flags_all);
}

bool
summary_decode(struct span bytes, struct summary *summary)
{
	struct codec_reader reader;
	codec_reader_init(&reader, bytes);
	summary->there = (uint32_t)codec_read_number(&reader, BLOCK_SLOTS);
	summary->unseen = (uint32_t)codec_read_number(&reader, BLOCK_SLOTS);
	summary->deleted = (uint32_t)codec_read_number(&reader, BLOCK_SLOTS);
	summary->tombstones = (uint32_t)codec_read_number(&reader, BLOCK_SLOTS);
	summary->first = (uint32_t)codec_read_number(&reader, UINT32_MAX);
	summary->last = (uint32_t)codec_read_number(&reader, UINT32_MAX);
	summary->size = codec_read_varint(&reader);
	summary->deleted_size = codec_read_varint(&reader);
	summary->modseq = codec_read_varint(&reader);
	summary->created = codec_read_varint(&reader);
	summary->vanished_low = codec_read_varint(&reader);
	summary->vanished_high = codec_read_varint(&reader);
	summary->flags_any = codec_read_varint(&reader);
	summary->flags_all = codec_read_varint(&reader);
	return codec_reader_is_done(&reader);
}
