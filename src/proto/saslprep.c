/*
 * SASLprep, RFC 4013, by the tables of RFC 3454 (named there as here). Pure:
 * runs in auth on passwords of strangers, at most SASLPREP_PASSWORD_LIMIT
 * bytes of them.
 */
#include "proto/saslprep.h"

#include <string.h>
#include <unictype.h>
#include <uninorm.h>

#include "base/memory.h"
#include "base/utf8.h"

struct code_range {
	uint32_t first, last;
};

/* C.1.2: spaces but U+0020; mapped to it (RFC 4013 2.1). */
static const struct code_range spaces[] = {
	{ 0xa0, 0xa0 }, { 0x1680, 0x1680 }, { 0x2000, 0x200b },
	{ 0x202f, 0x202f }, { 0x205f, 0x205f }, { 0x3000, 0x3000 },
};

/* B.1: mapped to nothing. */
static const struct code_range nothings[] = {
	{ 0xad, 0xad }, { 0x34f, 0x34f }, { 0x1806, 0x1806 },
	{ 0x180b, 0x180d }, { 0x200c, 0x200d }, { 0x2060, 0x2060 },
	{ 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff },
};

/* RFC 4013 2.3. Surrogates (C.5) are no UTF-8; the last two code points of
 * each plane (C.4) are found by computing. */
static const struct code_range prohibited[] = {
	{ 0x00, 0x1f }, { 0x7f, 0x9f },			/* C.2.1, C.2.2 */
	{ 0xa0, 0xa0 },					/* C.1.2 */
	{ 0x340, 0x341 },				/* C.8 */
	{ 0x6dd, 0x6dd }, { 0x70f, 0x70f },		/* C.2.2 */
	{ 0x1680, 0x1680 }, { 0x180e, 0x180e },
	{ 0x2000, 0x200f }, { 0x2028, 0x202f },
	{ 0x205f, 0x2063 }, { 0x206a, 0x206f },
	{ 0x2ff0, 0x2ffb },				/* C.7 */
	{ 0x3000, 0x3000 },
	{ 0xe000, 0xf8ff },				/* C.3 */
	{ 0xfdd0, 0xfdef },				/* C.4 */
	{ 0xfeff, 0xfeff }, { 0xfff9, 0xfffd },		/* C.2.2, C.6 */
	{ 0x1d173, 0x1d17a },
	{ 0xe0001, 0xe0001 }, { 0xe0020, 0xe007f },	/* C.9 */
	{ 0xf0000, 0xffffd }, { 0x100000, 0x10fffd },	/* C.3 */
};

#define IS_IN(table, c) is_in(table, sizeof(table) / sizeof((table)[0]), c)
static bool
is_in(const struct code_range *table, size_t count, uint32_t c)
{
	for (size_t i = 0; i < count; i++)
		if (c >= table[i].first && c <= table[i].last)
			return true;
	return false;
}

static bool
is_prohibited(uint32_t c)
{
	return (c & 0xfffe) == 0xfffe || IS_IN(prohibited, c);
}

/* RFC 4013 2.1 */
static bool
map(struct span in, struct buffer *out)
{
	while (in.size > 0) {
		uint32_t c;
		size_t size = utf8_decode(in, &c);
		if (size == 0)
			return false;
		if (IS_IN(spaces, c))
			buffer_add_byte(out, ' ');
		else if (!IS_IN(nothings, c))
			buffer_add(out, span_first(in, size));
		in = span_skip(in, size);
	}
	return true;
}

/* The room fits any expansion (18 times: U+FDFA), so the library allocates
 * nothing; should it all the same, that is freed. */
static void
normalise(struct span in, uninorm_t form, struct buffer *out)
{
	size_t size = in.size * 18 + 16;
	uint8_t *room = memory_new(size);
	uint8_t *result = u8_normalize(form, (const uint8_t *)in.data,
		in.size, room, &size);
	if (result != NULL)
		buffer_add(out, span_of(result, size));
	if (result != room)
		memory_free(result);
	memset(room, 0, in.size);
	memory_free(room);
}

static bool
has_prohibited(struct span text)
{
	while (text.size > 0) {
		uint32_t c;
		size_t size = utf8_decode(text, &c);
		if (size == 0 || is_prohibited(c))
			return true;
		text = span_skip(text, size);
	}
	return false;
}

/* RandALCat, table D.1 */
static bool
is_right_to_left(uint32_t c)
{
	int class = uc_bidi_class(c);
	return class == UC_BIDI_R || class == UC_BIDI_AL;
}

/*
 * RFC 3454 6: text with a right-to-left character has no left-to-right one and
 * begins and ends with a right-to-left one. The text is well-formed.
 */
static bool
is_one_direction(struct span text)
{
	bool has_right = false, has_left = false;
	bool is_first_right = false, is_last_right = false;
	for (bool is_first = true; text.size > 0; is_first = false) {
		uint32_t c;
		text = span_skip(text, utf8_decode(text, &c));
		is_last_right = is_right_to_left(c);
		if (is_first)
			is_first_right = is_last_right;
		has_right = has_right || is_last_right;
		has_left = has_left || uc_bidi_class(c) == UC_BIDI_L;
	}
	return !has_right || (!has_left && is_first_right && is_last_right);
}

static enum saslprep_verdict
prepare_wide(struct span password, struct buffer *mapped,
	struct buffer *prepared)
{
	if (!map(password, mapped))
		return SASLPREP_NOT_UTF8;
	normalise(buffer_span(mapped), UNINORM_NFKC, prepared);
	if (prepared->size == 0)
		return SASLPREP_EMPTY;
	if (has_prohibited(buffer_span(prepared)))
		return SASLPREP_PROHIBITED;
	if (!is_one_direction(buffer_span(prepared))) {
		buffer_clear(prepared);
		normalise(buffer_span(mapped), UNINORM_NFC, prepared);
	}
	return SASLPREP_OK;
}

static bool
is_plain(struct span password)
{
	for (size_t i = 0; i < password.size; i++)
		if (password.data[i] < ' ' || password.data[i] > '~')
			return false;
	return true;
}

enum saslprep_verdict
saslprep_password(struct span password, struct buffer *out)
{
	if (password.size == 0)
		return SASLPREP_EMPTY;
	if (password.size > SASLPREP_PASSWORD_LIMIT)
		return SASLPREP_TOO_LONG;
	if (is_plain(password)) {
		buffer_add(out, password);
		return SASLPREP_OK;
	}
	struct buffer mapped, prepared;
	buffer_init(&mapped, 0);
	buffer_init(&prepared, 0);
	enum saslprep_verdict verdict = prepare_wide(password, &mapped,
		&prepared);
	if (verdict == SASLPREP_OK)
		buffer_add(out, buffer_span(&prepared));
	if (mapped.size > 0)
		explicit_bzero(mapped.data, mapped.size);
	if (prepared.size > 0)
		explicit_bzero(prepared.data, prepared.size);
	buffer_fini(&mapped);
	buffer_fini(&prepared);
	return verdict;
}
