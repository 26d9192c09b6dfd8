/*
 * Up to 1,024 messages of one mailbox: those whose UIDs begin with the same
 * bits, in order, as columns. A message that was expunged stays as a tombstone.
 * The summary says what can be known without reading the block.
 *
 * A block is the bytes only; who shares it and when it may change is tree.h's
 * business. On disk: doc/formats/records.md, "Blocks".
 */
#ifndef STORE_BLOCK_H
#define STORE_BLOCK_H

#include "base/buffer.h"
#include "store/codec.h"

enum { BLOCK_SLOTS = 1024, BLOCK_WORDS = BLOCK_SLOTS / 64 };

struct slot {
	uint32_t uid;
	bool is_there;			/* else a tombstone */
	int zone;
	uint64_t flags, modseq, created, email;
	uint64_t segment, offset, size;	/* of the body; segment 0: not known yet */
	int64_t date, saved;
};

/*
 * A body that stands in a file of other programs (doc/formats/mirror.md) has
 * instead of a place its key: 126 of its bits are segment and offset. Of a real
 * segment's number the highest bit is never set, of LOG_BODY the second is.
 */
enum { SLOT_KEY_SIZE = 16 };
bool
slot_is_elsewhere(uint64_t segment);
void
slot_set_key(struct slot *slot, const uint8_t key[SLOT_KEY_SIZE]);

/* Flags are sums over the messages that are there; between block_sum_flags "any"
 * may have too many and "all" too few. */
struct summary {
	uint32_t there, unseen, deleted, tombstones;
	uint32_t first, last;		/* UIDs that are there; 0: none */
	uint64_t size, deleted_size;
	uint64_t modseq;		/* highest, tombstones too */
	uint64_t created;		/* highest */
	uint64_t vanished_low, vanished_high;	/* modseqs of tombstones; 0: none */
	uint64_t flags_any, flags_all;
};

struct block {
	unsigned count, room;
	uint64_t there[BLOCK_WORDS];	/* bit per slot */
	uint64_t *flags, *modseq, *created, *email, *segment, *offset, *size;
	int64_t *date, *saved;
	uint16_t *uid;			/* less the block's first */
	int16_t *zone;
};

/* The block's first UID. */
uint32_t
block_base(uint32_t uid);

struct block *
block_new(unsigned room);
/* With room for at least one more, when there can be one. */
struct block *
block_copy(const struct block *block);
void
block_free(struct block **block);

/* Zeros in what tombstones read from disk do not have. */
void
block_clear_messages(struct block *block);

/* Bytes of memory of a block with so much room. */
size_t
block_memory(const struct block *block);

/* The first slot with UID >= uid; count when there is none. */
unsigned
block_find(const struct block *block, uint32_t base, uint32_t uid);

/* The slot of exactly this UID that is there; false when it is not. */
bool
block_find_there(const struct block *block, uint32_t base, uint32_t uid,
	unsigned *slot);

struct slot
block_get(const struct block *block, uint32_t base, unsigned slot);

/* ---- changes; the summary follows ---- */

/* Higher than all UIDs in it; grows when there is no room. */
void
block_append(struct block **block, struct summary *summary, uint32_t base,
	const struct slot *slot);
void
block_set_flags(struct block *block, struct summary *summary, unsigned slot,
	uint64_t flags, uint64_t modseq);
void
block_expunge(struct block *block, struct summary *summary, uint32_t base,
	unsigned slot, uint64_t modseq);
void
block_drop_tombstones(struct block *block, struct summary *summary,
	uint32_t base);

/* Makes the flags of the summary exact. */
void
block_sum_flags(const struct block *block, struct summary *summary);

/* ---- bits ---- */

bool
block_bit(const uint64_t bits[BLOCK_WORDS], unsigned slot);
void
block_bit_set(uint64_t bits[BLOCK_WORDS], unsigned slot);
/* How many are set below the slot. */
unsigned
block_rank(const uint64_t bits[BLOCK_WORDS], unsigned slot);
/* The slot of the n-th (from 0) set bit; there must be one. */
unsigned
block_select(const uint64_t bits[BLOCK_WORDS], unsigned n);
/* The first set bit at or after the slot; BLOCK_SLOTS when there is none. */
unsigned
block_next(const uint64_t bits[BLOCK_WORDS], unsigned slot);

/* ---- bytes ---- */

void
block_encode(const struct block *block, struct buffer *out);
/* NULL when the bytes are damaged. */
struct block *
block_decode(struct span bytes);

void
summary_encode(const struct summary *summary, struct buffer *out);
bool
summary_decode(struct span bytes, struct summary *summary);

#endif
