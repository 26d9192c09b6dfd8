/*
 * Numbers and sets as the store writes them: little-endian fixed numbers,
 * variable-length numbers of seven bits a byte (lowest first), signed ones
 * folded so that small magnitudes stay short, and sets of UIDs. A reader that
 * meets the end or nonsense remembers that it failed and gives zeros from then
 * on, so that a decoder checks once.
 */
#ifndef STORE_CODEC_H
#define STORE_CODEC_H

#include "base/buffer.h"
#include "proto/number_set.h"

void
codec_add_varint(struct buffer *out, uint64_t n);
void
codec_add_signed(struct buffer *out, int64_t n);
/* Length and bytes. */
void
codec_add_bytes(struct buffer *out, struct span bytes);
void
codec_add_set(struct buffer *out, const struct number_set *set);

struct codec_reader {
	struct span rest;
	bool is_failed;
};

void
codec_reader_init(struct codec_reader *reader, struct span bytes);

uint8_t
codec_read_byte(struct codec_reader *reader);
uint32_t
codec_read_u32(struct codec_reader *reader);
uint64_t
codec_read_u64(struct codec_reader *reader);
uint64_t
codec_read_varint(struct codec_reader *reader);
/* A variable-length number of at most `max`; a larger one fails. */
uint64_t
codec_read_number(struct codec_reader *reader, uint64_t max);
int64_t
codec_read_signed(struct codec_reader *reader);
/* Exactly n bytes, borrowed. */
struct span
codec_read_raw(struct codec_reader *reader, size_t n);
/* Length and bytes, borrowed. */
struct span
codec_read_bytes(struct codec_reader *reader);
/* Adds to *set, which has been initialised. */
void
codec_read_set(struct codec_reader *reader, struct number_set *set);

/* True when nothing failed and nothing is left. */
bool
codec_reader_is_done(const struct codec_reader *reader);

#endif
