#include "base/buffer.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

void
buffer_init(struct buffer *buffer, size_t limit)
{
	*buffer = (struct buffer){ .limit = limit };
}

void
buffer_fini(struct buffer *buffer)
{
	memory_free(buffer->data);
	*buffer = (struct buffer){ .limit = buffer->limit };
}

void
buffer_clear(struct buffer *buffer)
{
	buffer->size = 0;
	buffer->overrun = false;
}

void
buffer_shift(struct buffer *buffer, size_t n)
{
	assert(n <= buffer->size);
	buffer->size -= n;
	if (buffer->size > 0 && n > 0)
		memmove(buffer->data, buffer->data + n, buffer->size);
}

bool
buffer_reserve(struct buffer *buffer, size_t n)
{
	if (n > SIZE_MAX / 4 || buffer->size > SIZE_MAX / 4 ||
	    (buffer->limit != 0 && buffer->size + n > buffer->limit)) {
		buffer->overrun = true;
		return false;
	}
	if (buffer->room - buffer->size >= n)
		return true;
	size_t room = buffer->room < 128 ? 128 : buffer->room * 2;
	if (room < buffer->size + n)
		room = buffer->size + n;
	buffer->data = memory_resize(buffer->data, room);
	buffer->room = room;
	return true;
}

void
buffer_add(struct buffer *buffer, struct span s)
{
	if (s.size == 0 || !buffer_reserve(buffer, s.size))
		return;
	memcpy(buffer->data + buffer->size, s.data, s.size);
	buffer->size += s.size;
}

void
buffer_add_byte(struct buffer *buffer, char c)
{
	if (!buffer_reserve(buffer, 1))
		return;
	buffer->data[buffer->size++] = c;
}

void
buffer_add_string(struct buffer *buffer, const char *string)
{
	buffer_add(buffer, span_from(string));
}

void
buffer_add_number(struct buffer *buffer, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);
	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	buffer_add(buffer, span_of(digits + at, sizeof(digits) - at));
}

void
buffer_add_hex(struct buffer *buffer, struct span bytes)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < bytes.size; i++) {
		unsigned char byte = (unsigned char)bytes.data[i];
		buffer_add_byte(buffer, digits[byte >> 4]);
		buffer_add_byte(buffer, digits[byte & 15]);
	}
}

void
buffer_print(struct buffer *buffer, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	buffer_print_list(buffer, format, list);
	va_end(list);
}

void
buffer_print_list(struct buffer *buffer, const char *format, va_list list)
{
	char small[256];
	va_list again;
	va_copy(again, list);
	int size = vsnprintf(small, sizeof(small), format, list);
	assert(size >= 0);
	if ((size_t)size < sizeof(small)) {
		buffer_add(buffer, span_of(small, (size_t)size));
	} else if (buffer_reserve(buffer, (size_t)size + 1)) {
		vsnprintf(buffer->data + buffer->size, (size_t)size + 1,
			format, again);
		buffer->size += (size_t)size;
	}
	va_end(again);
}

static void
add_little_endian(struct buffer *buffer, uint64_t n, size_t bytes)
{
	char raw[8];
	for (size_t i = 0; i < bytes; i++)
		raw[i] = (char)(n >> (8 * i));
	buffer_add(buffer, span_of(raw, bytes));
}

void
buffer_add_u16(struct buffer *buffer, uint16_t n)
{
	add_little_endian(buffer, n, 2);
}

void
buffer_add_u32(struct buffer *buffer, uint32_t n)
{
	add_little_endian(buffer, n, 4);
}

void
buffer_add_u64(struct buffer *buffer, uint64_t n)
{
	add_little_endian(buffer, n, 8);
}

struct span
buffer_span(const struct buffer *buffer)
{
	return span_of(buffer->data, buffer->size);
}

const char *
buffer_string(struct buffer *buffer)
{
	size_t limit = buffer->limit;
	buffer->limit = 0;	/* the NUL is ours, not the content's */
	buffer_add_byte(buffer, '\0');
	buffer->limit = limit;
	buffer->size--;
	return buffer->data;
}

bool
buffer_is_overrun(const struct buffer *buffer)
{
	return buffer->overrun;
}
