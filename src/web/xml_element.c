/*
 * From tag to tag, once; then the references of the text that was found.
 */
#include "web/xml_element.h"

#include "base/utf8.h"

/* The name of a tag without prefix; empty for what is no element. */
static struct span
local_name(struct span tag)
{
	size_t size = 0;
	while (size < tag.size && tag.data[size] != ' ' &&
	    tag.data[size] != '\t' && tag.data[size] != '\r' &&
	    tag.data[size] != '\n' && tag.data[size] != '/')
		size++;
	tag = span_first(tag, size);
	size_t colon = span_find(tag, ':');
	return colon < tag.size ? span_skip(tag, colon + 1) : tag;
}

/* Cuts up to the next tag off *rest: the text before it and what is in it. */
static bool
next_tag(struct span *rest, struct span *text, struct span *tag)
{
	size_t begin = span_find(*rest, '<');
	if (begin == rest->size)
		return false;
	*text = span_first(*rest, begin);
	*rest = span_skip(*rest, begin + 1);
	size_t end = span_find(*rest, '>');
	if (end == rest->size)
		return false;
	*tag = span_first(*rest, end);
	*rest = span_skip(*rest, end + 1);
	return tag->size > 0 && tag->data[0] != '!';
}

/* ---- references ---- */

/* Digits of a base up to 16; false: none, others, or too large. */
static bool
read_digits(struct span digits, uint32_t base, uint32_t *number)
{
	*number = 0;
	for (size_t i = 0; i < digits.size; i++) {
		char c = digits.data[i];
		uint32_t digit = c >= '0' && c <= '9' ? (uint32_t)(c - '0') :
			c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10) :
			c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10) : 16;
		*number = *number * base + digit;
		if (digit >= base || *number > 0x10FFFF)
			return false;
	}
	return digits.size > 0;
}

/* XML 1.0 2.2: Char */
static bool
is_char(uint32_t c)
{
	return c == '\t' || c == '\n' || c == '\r' ||
		(c >= ' ' && c < 0xD800) || (c >= 0xE000 && c < 0xFFFE) ||
		(c >= 0x10000 && c <= 0x10FFFF);
}

/* What is between & and ; stands for which character? XML 1.0 4.1, 4.6. */
static bool
read_reference(struct span name, uint32_t *character)
{
	static const struct {
		const char *name;
		char character;
	} known[] = { { "amp", '&' }, { "lt", '<' }, { "gt", '>' },
		{ "apos", '\'' }, { "quot", '"' } };
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (span_equals(name, span_from(known[i].name))) {
			*character = (uint32_t)known[i].character;
			return true;
		}
	bool is_hex = span_starts(name, SPAN("#x"));
	return span_starts(name, SPAN("#")) &&
		read_digits(span_skip(name, is_hex ? 2 : 1), is_hex ? 16 : 10,
			character) && is_char(*character);
}

/* Never longer than before: a character is shorter than what refers to it. */
static bool
replace_references(struct span *text, struct arena *arena)
{
	struct buffer out = { .room = text->size, .limit = text->size };
	struct span rest = *text;
	uint32_t character;
	if (span_find(rest, '&') == rest.size)
		return true;
	out.data = arena_new(arena, text->size);
	while (rest.size > 0) {
		size_t size = span_find(rest, '&');
		buffer_add(&out, span_first(rest, size));
		rest = span_skip(rest, size);
		if (rest.size == 0)
			break;
		size = span_find(rest, ';');
		if (size == rest.size || !read_reference(span_skip(
		    span_first(rest, size), 1), &character))
			return false;
		utf8_encode(&out, character);
		rest = span_skip(rest, size + 1);
	}
	*text = buffer_span(&out);
	return true;
}

bool
xml_element(struct span document, struct span name, struct arena *arena,
	struct span *text)
{
	struct span rest = document, before, tag;
	while (next_tag(&rest, &before, &tag)) {
		if (tag.data[0] == '/' || tag.data[0] == '?' ||
		    tag.data[tag.size - 1] == '/' ||
		    !span_equals(local_name(tag), name))
			continue;
		if (!next_tag(&rest, text, &tag) || tag.data[0] != '/' ||
		    !span_equals(local_name(span_skip(tag, 1)), name))
			return false;
		*text = span_trim(*text);
		return replace_references(text, arena);
	}
	return false;
}
