/*
 * Names of mailboxes (RFC 9051 5.1): what is one, and how they are ordered.
 * Net-Unicode (RFC 5198) asks for form C; the tables are libunistring's.
 */
#include "store/name.h"

#include <string.h>
#include <uninorm.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "store/store.h"

static bool
is_forbidden(uint32_t character)
{
	return character < 0x20 || (character >= 0x7f && character < 0xa0) ||
		character == 0x2028 || character == 0x2029;
}

/* Levels that mean something else wherever names become paths (exports, other
 * formats) are refused from the beginning. */
static bool
has_dots(struct span name)
{
	struct span level;
	while (span_split(&name, '/', &level))
		if (span_equals(level, SPAN(".")) ||
		    span_equals(level, SPAN("..")))
			return true;
	return false;
}

static bool
is_well_formed(struct span name)
{
	bool was_separator = true;
	while (name.size > 0) {
		uint32_t character;
		size_t size = utf8_decode(name, &character);
		bool is_separator = character == '/';
		if (size == 0 || is_forbidden(character) ||
		    (is_separator && was_separator))
			return false;
		was_separator = is_separator;
		name = span_skip(name, size);
	}
	return !was_separator;
}

bool
name_normalise(struct span name, struct arena *arena, struct span *normal)
{
	if (name.size > STORE_NAME_LIMIT || !is_well_formed(name) ||
	    has_dots(name))
		return false;
	char *copy;
	if (utf8_is_ascii(name)) {
		*normal = arena_copy(arena, name);
	} else {
		/* Form C is at most three times as long (UAX 15). */
		size_t size = 3 * name.size;
		uint8_t *room = arena_new(arena, size);
		uint8_t *form = u8_normalize(UNINORM_NFC,
			(const uint8_t *)name.data, name.size, room, &size);
		if (form == NULL)
			return false;
		*normal = arena_copy(arena, span_of(form, size));
		if (form != room)
			memory_free(form);
		if (normal->size > STORE_NAME_LIMIT)
			return false;
	}
	/* The first level INBOX has no case (RFC 9051 5.1). */
	struct span first = span_first(*normal, span_find(*normal, '/'));
	if (span_equals_nocase(first, SPAN("INBOX"))) {
		copy = arena_copy_string(arena, *normal);
		memcpy(copy, "INBOX", 5);
		*normal = span_of(copy, normal->size);
	}
	return true;
}

bool
name_is_inbox(struct span name)
{
	return span_equals(name, SPAN("INBOX"));
}

bool
name_is_below(struct span name, struct span parent)
{
	return parent.size == 0 || (name.size > parent.size &&
		name.data[parent.size] == '/' && span_starts(name, parent));
}

struct span
name_parent(struct span name)
{
	size_t size = name.size;
	while (size > 0 && name.data[size - 1] != '/')
		size--;
	return span_first(name, size == 0 ? 0 : size - 1);
}

static bool
is_inbox_tree(struct span name)
{
	return name_is_inbox(name) || name_is_below(name, SPAN("INBOX"));
}

int
name_compare(struct span a, struct span b)
{
	bool a_first = is_inbox_tree(a), b_first = is_inbox_tree(b);
	if (a_first != b_first)
		return a_first ? -1 : 1;
	size_t both = a.size < b.size ? a.size : b.size;
	for (size_t i = 0; i < both; i++) {
		unsigned char left = (unsigned char)a.data[i];
		unsigned char right = (unsigned char)b.data[i];
		if (left == right)
			continue;
		/* The separator comes before everything, so that a level's
		 * children follow it at once. */
		if (left == '/' || right == '/')
			return left == '/' ? -1 : 1;
		return left < right ? -1 : 1;
	}
	return a.size < b.size ? -1 : a.size > b.size;
}
