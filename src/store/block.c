/*
 * Columns of up to 1,024 messages and what is done to them. One allocation per
 * block; nothing here knows of locks, files or who looks at a block.
 */
#include "store/block.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "store/store.h"

uint32_t
block_base(uint32_t uid)
{
	return uid & ~(uint32_t)(BLOCK_SLOTS - 1);
}

/* ---- bodies elsewhere ---- */

enum { KEY_BITS = 62 };		/* of the segment; above it the mark */

bool
slot_is_elsewhere(uint64_t segment)
{
	return segment >> KEY_BITS == 2;
}

void
slot_set_key(struct slot *slot, const uint8_t key[SLOT_KEY_SIZE])
{
	uint64_t half[2] = { 0, 0 };
	for (unsigned i = 0; i < SLOT_KEY_SIZE; i++)
		half[i / 8] |= (uint64_t)key[i] << (i % 8 * 8);
	slot->segment = (half[0] & (((uint64_t)1 << KEY_BITS) - 1)) |
		(uint64_t)2 << KEY_BITS;
	slot->offset = half[1];
}

/* Bytes of one slot in all columns: nine of eight bytes, two of two. */
enum { SLOT_BYTES = 9 * 8 + 2 * 2 };

struct block *
block_new(unsigned room)
{
	assert(room > 0 && room <= BLOCK_SLOTS);
	/* Columns are written before they are read. */
	struct block *block = memory_resize(NULL,
		sizeof(*block) + room * SLOT_BYTES);
	*block = (struct block){ .room = room };
	block->flags = (uint64_t *)(block + 1);
	block->modseq = block->flags + room;
	block->created = block->modseq + room;
	block->email = block->created + room;
	block->segment = block->email + room;
	block->offset = block->segment + room;
	block->size = block->offset + room;
	block->date = (int64_t *)(block->size + room);
	block->saved = block->date + room;
	block->uid = (uint16_t *)(block->saved + room);
	block->zone = (int16_t *)(block->uid + room);
	return block;
}

static struct block *
copy_with_room(const struct block *block, unsigned room)
{
	struct block *copy = block_new(room);
	size_t count = block->count;
	copy->count = block->count;
	memcpy(copy->there, block->there, sizeof(copy->there));
	memcpy(copy->flags, block->flags, count * 8);
	memcpy(copy->modseq, block->modseq, count * 8);
	memcpy(copy->created, block->created, count * 8);
	memcpy(copy->email, block->email, count * 8);
	memcpy(copy->segment, block->segment, count * 8);
	memcpy(copy->offset, block->offset, count * 8);
	memcpy(copy->size, block->size, count * 8);
	memcpy(copy->date, block->date, count * 8);
	memcpy(copy->saved, block->saved, count * 8);
	memcpy(copy->uid, block->uid, count * 2);
	memcpy(copy->zone, block->zone, count * 2);
	return copy;
}

static unsigned
larger_room(unsigned count)
{
	unsigned room = 16;
	while (room <= count && room < BLOCK_SLOTS)
		room *= 2;
	return room;
}

struct block *
block_copy(const struct block *block)
{
	return copy_with_room(block, larger_room(block->count));
}

void
block_free(struct block **block)
{
	memory_free(*block);
	*block = NULL;
}

void
block_clear_messages(struct block *block)
{
	size_t size = block->count * sizeof(uint64_t);
	memset(block->flags, 0, size);
	memset(block->segment, 0, size);
	memset(block->offset, 0, size);
	memset(block->size, 0, size);
	memset(block->date, 0, size);
	memset(block->saved, 0, size);
	memset(block->zone, 0, block->count * sizeof(*block->zone));
}

size_t
block_memory(const struct block *block)
{
	return sizeof(*block) + block->room * SLOT_BYTES;
}

unsigned
block_find(const struct block *block, uint32_t base, uint32_t uid)
{
	unsigned low = 0, high = block->count;
	if (uid <= base)
		return 0;
	while (low < high) {
		unsigned middle = (low + high) / 2;
		if (block->uid[middle] < uid - base)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
block_find_there(const struct block *block, uint32_t base, uint32_t uid,
	unsigned *slot)
{
	*slot = block_find(block, base, uid);
	return *slot < block->count && base + block->uid[*slot] == uid &&
		block_bit(block->there, *slot);
}

struct slot
block_get(const struct block *block, uint32_t base, unsigned slot)
{
	assert(slot < block->count);
	return (struct slot){
		.uid = base + block->uid[slot],
		.is_there = block_bit(block->there, slot),
		.zone = block->zone[slot],
		.flags = block->flags[slot],
		.modseq = block->modseq[slot],
		.created = block->created[slot],
		.email = block->email[slot],
		.segment = block->segment[slot],
		.offset = block->offset[slot],
		.size = block->size[slot],
		.date = block->date[slot],
		.saved = block->saved[slot],
	};
}

/* ---- changes ---- */

static void
count_in(struct summary *summary, uint64_t flags, uint64_t size)
{
	summary->flags_all = summary->there == 0 ? flags :
		summary->flags_all & flags;
	summary->flags_any = summary->there == 0 ? flags :
		summary->flags_any | flags;
	summary->there++;
	summary->size += size;
	if ((flags & STORE_SEEN) == 0)
		summary->unseen++;
	if ((flags & STORE_DELETED) != 0) {
		summary->deleted++;
		summary->deleted_size += size;
	}
}

static void
count_out(struct summary *summary, uint64_t flags, uint64_t size)
{
	summary->there--;
	summary->size -= size;
	if ((flags & STORE_SEEN) == 0)
		summary->unseen--;
	if ((flags & STORE_DELETED) != 0) {
		summary->deleted--;
		summary->deleted_size -= size;
	}
}

void
block_append(struct block **block, struct summary *summary, uint32_t base,
	const struct slot *slot)
{
	struct block *b = *block;
	unsigned at = b->count;
	assert(slot->uid >= base && slot->uid - base < BLOCK_SLOTS);
	assert(at == 0 || b->uid[at - 1] < slot->uid - base);
	if (at == b->room) {
		b = copy_with_room(b, larger_room(at));
		block_free(block);
		*block = b;
	}
	b->count++;
	b->uid[at] = (uint16_t)(slot->uid - base);
	b->zone[at] = (int16_t)slot->zone;
	b->flags[at] = slot->flags;
	b->modseq[at] = slot->modseq;
	b->created[at] = slot->created;
	b->email[at] = slot->email;
	b->segment[at] = slot->segment;
	b->offset[at] = slot->offset;
	b->size[at] = slot->size;
	b->date[at] = slot->date;
	b->saved[at] = slot->saved;
	block_bit_set(b->there, at);
	count_in(summary, slot->flags, slot->size);
	if (summary->first == 0)
		summary->first = slot->uid;
	summary->last = slot->uid;
	if (slot->modseq > summary->modseq)
		summary->modseq = slot->modseq;
	if (slot->created > summary->created)
		summary->created = slot->created;
}

void
block_set_flags(struct block *block, struct summary *summary, unsigned slot,
	uint64_t flags, uint64_t modseq)
{
	assert(block_bit(block->there, slot));
	count_out(summary, block->flags[slot], block->size[slot]);
	count_in(summary, flags, block->size[slot]);
	block->flags[slot] = flags;
	block->modseq[slot] = modseq;
	if (modseq > summary->modseq)
		summary->modseq = modseq;
}

static void
find_ends(const struct block *block, struct summary *summary, uint32_t base)
{
	if (summary->there == 0) {
		summary->first = summary->last = 0;
		return;
	}
	summary->first = base + block->uid[block_select(block->there, 0)];
	summary->last = base + block->uid[block_select(block->there,
		summary->there - 1)];
}

void
block_expunge(struct block *block, struct summary *summary, uint32_t base,
	unsigned slot, uint64_t modseq)
{
	assert(block_bit(block->there, slot));
	uint32_t uid = base + block->uid[slot];
	count_out(summary, block->flags[slot], block->size[slot]);
	block->there[slot / 64] &= ~((uint64_t)1 << slot % 64);
	block->modseq[slot] = modseq;
	summary->tombstones++;
	if (uid == summary->first || uid == summary->last)
		find_ends(block, summary, base);
	if (modseq > summary->modseq)
		summary->modseq = modseq;
	if (summary->vanished_low == 0)
		summary->vanished_low = modseq;
	if (modseq > summary->vanished_high)
		summary->vanished_high = modseq;
}

/* The columns of a message move down to where a tombstone was. */
static void
move_slot(struct block *block, unsigned from, unsigned to)
{
	block->uid[to] = block->uid[from];
	block->zone[to] = block->zone[from];
	block->flags[to] = block->flags[from];
	block->modseq[to] = block->modseq[from];
	block->created[to] = block->created[from];
	block->email[to] = block->email[from];
	block->segment[to] = block->segment[from];
	block->offset[to] = block->offset[from];
	block->size[to] = block->size[from];
	block->date[to] = block->date[from];
	block->saved[to] = block->saved[from];
}

void
block_drop_tombstones(struct block *block, struct summary *summary,
	uint32_t base)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < block->count; i++)
		if (block_bit(block->there, i))
			move_slot(block, i, kept++);
	block->count = kept;
	memset(block->there, 0, sizeof(block->there));
	for (unsigned i = 0; i < kept; i++)
		block_bit_set(block->there, i);
	summary->tombstones = 0;
	summary->vanished_low = summary->vanished_high = 0;
	find_ends(block, summary, base);
}

void
block_sum_flags(const struct block *block, struct summary *summary)
{
	uint64_t any = 0, all = UINT64_MAX;
	unsigned slot = block_next(block->there, 0);
	for (; slot < block->count; slot = block_next(block->there, slot + 1)) {
		any |= block->flags[slot];
		all &= block->flags[slot];
	}
	summary->flags_any = any;
	summary->flags_all = summary->there == 0 ? 0 : all;
}

/* ---- bits ---- */

bool
block_bit(const uint64_t bits[BLOCK_WORDS], unsigned slot)
{
	return (bits[slot / 64] >> slot % 64 & 1) != 0;
}

void
block_bit_set(uint64_t bits[BLOCK_WORDS], unsigned slot)
{
	bits[slot / 64] |= (uint64_t)1 << slot % 64;
}

unsigned
block_rank(const uint64_t bits[BLOCK_WORDS], unsigned slot)
{
	unsigned rank = 0;
	for (unsigned i = 0; i < slot / 64; i++)
		rank += (unsigned)__builtin_popcountll(bits[i]);
	if (slot % 64 != 0)
		rank += (unsigned)__builtin_popcountll(bits[slot / 64] &
			(((uint64_t)1 << slot % 64) - 1));
	return rank;
}

unsigned
block_select(const uint64_t bits[BLOCK_WORDS], unsigned n)
{
	unsigned word = 0;
	for (;; word++) {
		assert(word < BLOCK_WORDS);
		unsigned set = (unsigned)__builtin_popcountll(bits[word]);
		if (n < set)
			break;
		n -= set;
	}
	uint64_t rest = bits[word];
	while (n-- > 0)
		rest &= rest - 1;
	return word * 64 + (unsigned)__builtin_ctzll(rest);
}

unsigned
block_next(const uint64_t bits[BLOCK_WORDS], unsigned slot)
{
	if (slot >= BLOCK_SLOTS)
		return BLOCK_SLOTS;
	unsigned word = slot / 64;
	uint64_t rest = bits[word] >> slot % 64 << slot % 64;
	while (rest == 0) {
		if (++word == BLOCK_WORDS)
			return BLOCK_SLOTS;
		rest = bits[word];
	}
	return word * 64 + (unsigned)__builtin_ctzll(rest);
}
