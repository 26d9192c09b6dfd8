#include "base/span.h"

#include <string.h>

struct span
span_from(const char *string)
{
	struct span s = { string, string == NULL ? 0 : strlen(string) };
	return s;
}

struct span
span_of(const void *data, size_t size)
{
	struct span s = { data, size };
	return s;
}

bool
span_is_empty(struct span s)
{
	return s.size == 0;
}

bool
span_equals(struct span a, struct span b)
{
	return a.size == b.size &&
		(a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

char
span_lower_byte(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool
span_equals_nocase(struct span a, struct span b)
{
	if (a.size != b.size)
		return false;
	for (size_t i = 0; i < a.size; i++)
		if (span_lower_byte(a.data[i]) != span_lower_byte(b.data[i]))
			return false;
	return true;
}

bool
span_starts(struct span s, struct span prefix)
{
	return s.size >= prefix.size &&
		span_equals(span_first(s, prefix.size), prefix);
}

bool
span_starts_nocase(struct span s, struct span prefix)
{
	return s.size >= prefix.size &&
		span_equals_nocase(span_first(s, prefix.size), prefix);
}

bool
span_ends_nocase(struct span s, struct span suffix)
{
	return s.size >= suffix.size &&
		span_equals_nocase(span_skip(s, s.size - suffix.size), suffix);
}

int
span_compare(struct span a, struct span b)
{
	size_t n = a.size < b.size ? a.size : b.size;
	int order = n == 0 ? 0 : memcmp(a.data, b.data, n);
	if (order != 0)
		return order;
	return a.size < b.size ? -1 : a.size > b.size;
}

struct span
span_skip(struct span s, size_t n)
{
	if (n > s.size)
		n = s.size;
	if (n > 0) {
		s.data += n;
		s.size -= n;
	}
	return s;
}

struct span
span_first(struct span s, size_t n)
{
	if (n < s.size)
		s.size = n;
	return s;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span
span_trim(struct span s)
{
	while (s.size > 0 && is_blank(s.data[0]))
		s = span_skip(s, 1);
	while (s.size > 0 && is_blank(s.data[s.size - 1]))
		s.size--;
	return s;
}

size_t
span_find(struct span s, char c)
{
	if (s.size == 0)
		return 0;
	const char *at = memchr(s.data, c, s.size);
	return at == NULL ? s.size : (size_t)(at - s.data);
}

size_t
span_search(struct span s, struct span needle)
{
	if (needle.size == 0)
		return 0;
	if (s.size < needle.size)
		return s.size;
	const char *at = memmem(s.data, s.size, needle.data, needle.size);
	return at == NULL ? s.size : (size_t)(at - s.data);
}

bool
span_split(struct span *rest, char separator, struct span *piece)
{
	if (rest->data == NULL)
		return false;
	size_t at = span_find(*rest, separator);
	*piece = span_first(*rest, at);
	if (at == rest->size)
		*rest = span_of(NULL, 0);
	else
		*rest = span_skip(*rest, at + 1);
	return true;
}

bool
span_word(struct span *rest, struct span *word)
{
	size_t n = 0;
	while (rest->size > 0 && is_blank(rest->data[0]))
		*rest = span_skip(*rest, 1);
	while (n < rest->size && !is_blank(rest->data[n]))
		n++;
	*word = span_first(*rest, n);
	*rest = span_skip(*rest, n);
	return n > 0;
}

bool
span_to_number(struct span s, uint64_t max, uint64_t *number)
{
	uint64_t value = 0;
	if (s.size == 0)
		return false;
	for (size_t i = 0; i < s.size; i++) {
		if (s.data[i] < '0' || s.data[i] > '9')
			return false;
		uint64_t digit = (uint64_t)(s.data[i] - '0');
		if (value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (value > max)
		return false;
	*number = value;
	return true;
}

bool
span_to_hex_number(struct span s, uint64_t *number)
{
	uint64_t value = 0;
	if (s.size == 0 || s.size > 16)
		return false;
	for (size_t i = 0; i < s.size; i++) {
		char c = span_lower_byte(s.data[i]);
		if (c >= '0' && c <= '9')
			value = value << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uint64_t)(c - 'a' + 10);
		else
			return false;
	}
	*number = value;
	return true;
}

bool
span_to_hex_bytes(struct span s, uint8_t *out, size_t size)
{
	if (s.size / 2 != size || s.size % 2 != 0)
		return false;
	for (size_t i = 0; i < size; i++) {
		uint64_t byte;
		if (!span_to_hex_number(span_first(span_skip(s, i * 2), 2),
			&byte))
			return false;
		out[i] = (uint8_t)byte;
	}
	return true;
}
