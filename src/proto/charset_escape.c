/*
 * HZ (RFC 1843), which the C library does not know, and ISO-2022-JP (RFC
 * 1468), of which it knows only the characters of the standard while mail has
 * those of NEC and IBM rows too: both only move the codes of other charsets.
 */
#include "proto/charset_escape.h"

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
