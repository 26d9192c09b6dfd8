/*
 * Text as it is compared: full case folding and NFKC (Unicode 3.13, UAX 15),
 * which finds what i;unicode-casemap (RFC 5051) finds, and writes it short.
 *
 * Nearly all characters fold each for itself: what they become is kept in
 * pages of 256, each made with libunistring when its first character is met.
 * Those that may join with neighbours (marks, Hangul letters) go through
 * libunistring together with the character before them.
 */
#include <stdatomic.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "proto/charset.h"

enum {
	PAGE_COUNT = 0x110000 / 256,
	RUN_LIMIT = 1024,	/* bytes that are looked at together at most */
};

/* What a character becomes; size 0: that depends on its neighbours. */
struct folded {
	unsigned char size;
	char bytes[7];
};

static _Atomic(struct folded *) pages[PAGE_COUNT];

/* Appends what libunistring makes of it; nothing if it fails. */
static void
fold_together(struct buffer *out, struct span text)
{
	uint8_t room[4 * RUN_LIMIT];
	size_t size = sizeof(room);
	uint8_t *result = u8_casefold((const uint8_t *)text.data, text.size,
		NULL, UNINORM_NFKC, room, &size);
	if (result == NULL)
		return;
	buffer_add(out, span_of(result, size));
	if (result != room)
		memory_free(result);
}

/* May it become one with the character before it? */
static bool
joins(uint32_t character)
{
	return uc_combining_class((ucs4_t)character) != 0 ||
		uc_is_general_category((ucs4_t)character, UC_CATEGORY_M) ||
		(character >= 0x1160 && character <= 0x11ff);	/* Hangul */
}

static void
fill(struct folded *folded, uint32_t character, struct buffer *scratch)
{
	uint32_t first;
	buffer_clear(scratch);
	utf8_encode(scratch, character);
	size_t size = scratch->size;
	fold_together(scratch, buffer_span(scratch));
	struct span result = span_skip(buffer_span(scratch), size);
	bool alone = result.size > 0 && result.size <= sizeof(folded->bytes) &&
		!joins(character) && utf8_decode(result, &first) > 0 &&
		!joins(first);
	folded->size = alone ? (unsigned char)result.size : 0;
	if (alone)
		memcpy(folded->bytes, result.data, result.size);
}

static const struct folded *
page_of(uint32_t character)
{
	_Atomic(struct folded *) *slot = &pages[character / 256];
	struct folded *page = atomic_load_explicit(slot, memory_order_acquire);
	if (page != NULL)
		return page;
	page = memory_new_array(256, sizeof(*page));
	struct buffer scratch;
	buffer_init(&scratch, 0);
	for (uint32_t i = 0; i < 256; i++)
		fill(&page[i], (character & ~255u) + i, &scratch);
	buffer_fini(&scratch);
	struct folded *other = NULL;	/* another thread may have been first */
	if (!atomic_compare_exchange_strong(slot, &other, page)) {
		memory_free(page);
		page = other;
	}
	return page;
}

/* ASCII at the front in lower case, eight bytes at a time; how much it was. */
static size_t
fold_ascii(char *to, struct span text)
{
	const uint64_t high = 0x8080808080808080u;
	size_t n = 0;
	uint64_t word;
	for (; n + sizeof(word) <= text.size; n += sizeof(word)) {
		memcpy(&word, text.data + n, sizeof(word));
		if ((word & high) != 0)
			break;
		/* the high bit of each byte that is 'A' or more, and of each
		 * that is more than 'Z' */
		uint64_t from = word + 0x3f3f3f3f3f3f3f3fu;
		uint64_t after = word + 0x2525252525252525u;
		word |= ((from ^ after) & high) >> 2;
		memcpy(to + n, &word, sizeof(word));
	}
	for (; n < text.size && (unsigned char)text.data[n] < 0x80; n++)
		to[n] = span_lower_byte(text.data[n]);
	return n;
}

/* The characters after the front that may join with what is before them. */
static size_t
run_size(struct span text)
{
	size_t n = 0, size;
	uint32_t character;
	while (n < RUN_LIMIT - 8 && n < text.size &&
	    (unsigned char)text.data[n] >= 0x80 &&
	    (size = utf8_decode(span_skip(text, n), &character)) > 0 &&
	    page_of(character)[character & 255].size == 0)
		n += size;
	return n;
}

/* Where the last character that stands for itself was read and written. */
struct last {
	size_t in, out;
	bool is_there;
};

/* One character that is not ASCII, or a run of them; how much was read. */
static size_t
fold_character(struct buffer *out, struct span all, size_t at,
	struct last *last)
{
	uint32_t character;
	struct span text = span_skip(all, at);
	size_t size = utf8_decode(text, &character);
	if (size == 0) {
		last->is_there = false;
		buffer_add(out, SPAN("\xef\xbf\xbd"));
		return 1;
	}
	const struct folded *folded = &page_of(character)[character & 255];
	if (folded->size > 0) {
		*last = (struct last){ at, out->size, true };
		buffer_add(out, span_of(folded->bytes, folded->size));
		return size;
	}
	size = run_size(text);
	size_t from = at;
	if (last->is_there) {
		from = last->in;
		out->size = last->out;
	}
	fold_together(out, span_of(all.data + from, at + size - from));
	last->is_there = false;
	return size;
}

void
charset_fold(struct buffer *out, struct span utf8)
{
	struct last last = { 0, 0, false };
	size_t at = 0;
	while (at < utf8.size) {
		struct span rest = span_skip(utf8, at);
		if ((unsigned char)rest.data[0] >= 0x80) {
			at += fold_character(out, utf8, at, &last);
			continue;
		}
		if (!buffer_reserve(out, rest.size))
			return;
		size_t n = fold_ascii(out->data + out->size, rest);
		out->size += n;
		at += n;
		last = (struct last){ at - 1, out->size - 1, true };
	}
}
