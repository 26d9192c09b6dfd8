#include "base/utf8.h"

#include <string.h>

/* Bytes at the front that are ASCII, at least up to the last eight. */
static size_t
ascii_size(struct span s)
{
	size_t n = 0;
	uint64_t word;
	for (; n + sizeof(word) <= s.size; n += sizeof(word)) {
		memcpy(&word, s.data + n, sizeof(word));
		if ((word & 0x8080808080808080u) != 0)
			break;
	}
	return n;
}

static size_t
length_of(unsigned char lead, uint32_t *bits, uint32_t *least)
{
	if (lead >= 0xc2 && lead < 0xe0) {
		*bits = lead & 0x1fu;
		*least = 0x80;
		return 2;
	}
	if (lead >= 0xe0 && lead < 0xf0) {
		*bits = lead & 0x0fu;
		*least = 0x800;
		return 3;
	}
	if (lead >= 0xf0 && lead < 0xf5) {
		*bits = lead & 0x07u;
		*least = 0x10000;
		return 4;
	}
	return 0;
}

size_t
utf8_decode(struct span s, uint32_t *character)
{
	uint32_t bits = 0, least = 0;
	if (s.size == 0)
		return 0;
	if ((unsigned char)s.data[0] < 0x80) {
		*character = (unsigned char)s.data[0];
		return 1;
	}
	size_t length = length_of((unsigned char)s.data[0], &bits, &least);
	if (length == 0 || length > s.size)
		return 0;
	for (size_t i = 1; i < length; i++) {
		unsigned char byte = (unsigned char)s.data[i];
		if ((byte & 0xc0) != 0x80)
			return 0;
		bits = bits << 6 | (byte & 0x3fu);
	}
	if (bits < least || bits > 0x10ffff || (bits >= 0xd800 && bits < 0xe000))
		return 0;
	*character = bits;
	return length;
}

void
utf8_encode(struct buffer *out, uint32_t c)
{
	if (c < 0x80) {
		buffer_add_byte(out, (char)c);
		return;
	}
	if (c < 0x800) {
		buffer_add_byte(out, (char)(0xc0 | c >> 6));
	} else if (c < 0x10000) {
		buffer_add_byte(out, (char)(0xe0 | c >> 12));
		buffer_add_byte(out, (char)(0x80 | (c >> 6 & 0x3f)));
	} else {
		buffer_add_byte(out, (char)(0xf0 | c >> 18));
		buffer_add_byte(out, (char)(0x80 | (c >> 12 & 0x3f)));
		buffer_add_byte(out, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	buffer_add_byte(out, (char)(0x80 | (c & 0x3f)));
}

bool
utf8_is_valid(struct span s)
{
	uint32_t character;
	while (s.size > 0) {
		size_t n = (unsigned char)s.data[0] < 0x80 ? ascii_size(s) : 0;
		if (n == 0)
			n = utf8_decode(s, &character);
		if (n == 0)
			return false;
		s = span_skip(s, n);
	}
	return true;
}

bool
utf8_is_ascii(struct span s)
{
	for (size_t i = ascii_size(s); i < s.size; i++)
		if ((unsigned char)s.data[i] >= 0x80)
			return false;
	return true;
}

void
utf8_add_repaired(struct buffer *out, struct span s)
{
	uint32_t character;
	if (utf8_is_valid(s)) {
		buffer_add(out, s);
		return;
	}
	while (s.size > 0) {
		size_t n = utf8_decode(s, &character);
		buffer_add(out, n > 0 ? span_first(s, n) :
			SPAN("\xef\xbf\xbd"));
		s = span_skip(s, n > 0 ? n : 1);
	}
}
