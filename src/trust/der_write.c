#include "trust/der_write.h"

#include <string.h>

/* 8.1.3: short below 128, else the number of bytes and the bytes; shortest
 * (10.1). */
static size_t
write_head(enum der_tag tag, size_t size, uint8_t head[10])
{
	size_t count = 0, at = 2;
	head[0] = (uint8_t)tag;
	if (size < 128) {
		head[1] = (uint8_t)size;
		return at;
	}
	for (size_t left = size; left > 0; left >>= 8)
		count++;
	head[1] = (uint8_t)(0x80 | count);
	while (count > 0)
		head[at++] = (uint8_t)(size >> (8 * --count));
	return at;
}

void
der_wrap(struct buffer *out, size_t start, enum der_tag tag)
{
	uint8_t head[10];
	size_t size = out->size - start;
	size_t head_size = write_head(tag, size, head);
	if (!buffer_reserve(out, head_size))
		return;
	memmove(out->data + start + head_size, out->data + start, size);
	memcpy(out->data + start, head, head_size);
	out->size += head_size;
}

void
der_add(struct buffer *out, enum der_tag tag, struct span content)
{
	size_t start = out->size;
	buffer_add(out, content);
	der_wrap(out, start, tag);
}
