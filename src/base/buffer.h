/*
 * Bytes being built. A buffer grows, counts, refuses beyond its limit and
 * remembers that it did: whoever fills it need not check every step, only
 * once at the end (buffer_is_overrun).
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdarg.h>

#include "base/span.h"

struct buffer {
	char *data;
	size_t size;	/* bytes in it */
	size_t room;	/* bytes allocated */
	size_t limit;	/* 0: none */
	bool overrun;	/* something did not fit and was left out whole */
};

/* limit in bytes (0: none). Nothing is allocated before the first byte. */
void
buffer_init(struct buffer *buffer, size_t limit);

/* Frees the memory; the buffer is empty and can be used again. */
void
buffer_fini(struct buffer *buffer);

/* Empties and forgets an overrun; keeps the memory. */
void
buffer_clear(struct buffer *buffer);

/* Removes the first n bytes (n <= size). */
void
buffer_shift(struct buffer *buffer, size_t n);

/* Room for n more bytes at data + size; false (overrun) beyond the limit. */
bool
buffer_reserve(struct buffer *buffer, size_t n);

void
buffer_add(struct buffer *buffer, struct span s);
void
buffer_add_byte(struct buffer *buffer, char c);
void
buffer_add_string(struct buffer *buffer, const char *string);
void
buffer_add_number(struct buffer *buffer, uint64_t number);
void
buffer_add_hex(struct buffer *buffer, struct span bytes);
void
buffer_print(struct buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void
buffer_print_list(struct buffer *buffer, const char *format, va_list list)
	__attribute__((format(printf, 2, 0)));

/* Little-endian numbers, for formats on disk. */
void
buffer_add_u16(struct buffer *buffer, uint16_t n);
void
buffer_add_u32(struct buffer *buffer, uint32_t n);
void
buffer_add_u64(struct buffer *buffer, uint64_t n);

/* What is in it; valid until the next change. */
struct span
buffer_span(const struct buffer *buffer);

/* NUL-terminated at libc's door; the NUL is not counted. */
const char *
buffer_string(struct buffer *buffer);

bool
buffer_is_overrun(const struct buffer *buffer);

#endif
