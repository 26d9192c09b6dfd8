/*
 * HZ (RFC 1843), which the C library does not know, and ISO-2022-JP (RFC
 * 1468), of which it knows only the characters of the standard while mail has
 * those of NEC and IBM rows too: both only move the codes of other charsets.
 * And the spelt syllables of KS X 1001, which it leaves as letters.
 */
#include "proto/charset_escape.h"

#include "base/utf8.h"

/* Two bytes of a 94 x 94 set? */
static bool
is_pair(struct span text)
{
	return text.size >= 2 && text.data[0] > 0x20 && text.data[0] < 0x7f &&
		text.data[1] > 0x20 && text.data[1] < 0x7f;
}

void
charset_escape_hz(struct buffer *out, struct span text)
{
	bool in_chinese = false;
	while (text.size > 0) {
		struct span two = span_first(text, 2);
		size_t taken = 2;
		if (span_equals(two, SPAN("~{"))) {
			in_chinese = true;
		} else if (span_equals(two, SPAN("~}"))) {
			in_chinese = false;
		} else if (!in_chinese && span_equals(two, SPAN("~~"))) {
			buffer_add_byte(out, '~');
		} else if (!in_chinese && span_equals(two, SPAN("~\n"))) {
			/* a line that goes on */
		} else if (in_chinese && is_pair(text)) {
			buffer_add_byte(out, (char)(text.data[0] | 0x80));
			buffer_add_byte(out, (char)(text.data[1] | 0x80));
		} else {
			/* a line end ends Chinese text */
			in_chinese = in_chinese && text.data[0] != '\n';
			buffer_add_byte(out, text.data[0]);
			taken = 1;
		}
		text = span_skip(text, taken);
	}
}

enum set { ASCII, KATAKANA, KANJI };

/* The escape sequence at the front; its size, 0 when it is none of ours. */
static size_t
parse_escape(struct span text, enum set *set)
{
	static const struct {
		struct span sequence;
		enum set set;
	} sequences[] = {
		{ SPAN("\x1b(B"), ASCII }, { SPAN("\x1b(J"), ASCII },
		{ SPAN("\x1b(H"), ASCII }, { SPAN("\x1b(I"), KATAKANA },
		{ SPAN("\x1b$@"), KANJI }, { SPAN("\x1b$B"), KANJI },
		{ SPAN("\x1b$(B"), KANJI }, { SPAN("\x1b$(@"), KANJI },
	};
	for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++)
		if (span_starts(text, sequences[i].sequence)) {
			*set = sequences[i].set;
			return sequences[i].sequence.size;
		}
	return 0;
}

/* Row and column of JIS X 0208 as Shift_JIS folds them. */
static void
add_shift_jis(struct buffer *out, unsigned row, unsigned column)
{
	unsigned lead = (row - 0x21) / 2 + 0x81;
	unsigned trail = (row & 1) != 0 ? column + 0x1f : column + 0x7e;
	if (lead > 0x9f)
		lead += 0x40;
	if ((row & 1) != 0 && trail >= 0x7f)
		trail++;
	buffer_add_byte(out, (char)lead);
	buffer_add_byte(out, (char)trail);
}

void
charset_escape_jp(struct buffer *out, struct span text)
{
	enum set set = ASCII;
	while (text.size > 0) {
		char c = text.data[0];
		size_t taken = c == '\x1b' ? parse_escape(text, &set) : 0;
		if (taken > 0) {
			text = span_skip(text, taken);
			continue;
		}
		taken = 1;
		if (c == '\n')
			set = ASCII;	/* RFC 1468: lines end in ASCII */
		if (set == KANJI && is_pair(text)) {
			add_shift_jis(out, (unsigned char)c,
				(unsigned char)text.data[1]);
			taken = 2;
		} else if (set == KATAKANA && c > 0x20 && c < 0x60) {
			buffer_add_byte(out, (char)(c | 0x80));
		} else {
			buffer_add_byte(out, c);
		}
		text = span_skip(text, taken);
	}
}

/* ---- Korean ---- */

enum { FILLER = 0x3164, LETTERS = 0x3131, VOWELS = 0x314f, VOWEL_COUNT = 21 };

/* Position of a letter in a list of distances from LETTERS; -1: not there. */
static int
index_of(const unsigned char *list, int count, uint32_t letter)
{
	for (int i = 0; i < count; i++)
		if (letter == (uint32_t)LETTERS + list[i])
			return i;
	return -1;
}

/* The syllable of filler, initial, vowel and final (or filler); 0: none. */
static uint32_t
syllable_of(const uint32_t letter[4])
{
	static const unsigned char initial[] = { 0, 1, 3, 6, 7, 8, 16, 17, 18,
		20, 21, 22, 23, 24, 25, 26, 27, 28, 29 };
	static const unsigned char final[] = { 0, 1, 2, 3, 4, 5, 6, 8, 9, 10,
		11, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 25, 26, 27, 28,
		29 };
	int first = index_of(initial, sizeof(initial), letter[1]);
	int last = letter[3] == FILLER ? 0 :
		index_of(final, sizeof(final), letter[3]) + 1;
	if (letter[0] != FILLER || first < 0 || letter[2] < VOWELS ||
	    letter[2] >= VOWELS + VOWEL_COUNT ||
	    (last == 0 && letter[3] != FILLER))
		return 0;
	uint32_t vowel = letter[2] - VOWELS;
	return 0xac00 + ((uint32_t)first * VOWEL_COUNT + vowel) * 28 +
		(uint32_t)last;
}

void
charset_escape_syllables(struct buffer *out, struct span utf8)
{
	const struct span filler = SPAN("\xe3\x85\xa4");
	enum { SPELT = 12 };	/* four letters of three bytes */
	while (utf8.size > 0) {
		size_t n = span_search(utf8, filler);
		buffer_add(out, span_first(utf8, n));
		utf8 = span_skip(utf8, n);
		uint32_t letter[4] = { 0 }, syllable = 0;
		if (utf8.size >= SPELT) {
			for (size_t i = 0; i < 4; i++)
				utf8_decode(span_skip(utf8, 3 * i), &letter[i]);
			syllable = syllable_of(letter);
		}
		if (syllable != 0)
			utf8_encode(out, syllable);
		else
			buffer_add(out, span_first(utf8, filler.size));
		utf8 = span_skip(utf8, syllable != 0 ? SPELT : filler.size);
	}
}
