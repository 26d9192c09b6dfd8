/* Text of strangers on a terminal; see terminal_text.h. */
#include "proto/terminal_text.h"

#include <uniwidth.h>

#include "base/utf8.h"

/* Marks that turn the direction (Unicode UAX 9) and separators of lines. */
static bool
is_mark(uint32_t c)
{
	return c == 0x061c || (c >= 0x200e && c <= 0x200f) ||
		(c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static void
add_clean(struct buffer *out, uint32_t c)
{
	if (c < 0x20) {
		buffer_add_byte(out, '^');
		buffer_add_byte(out, (char)(c + '@'));
	} else if (c == 0x7f) {
		buffer_add(out, SPAN("^?"));
	} else if ((c >= 0x80 && c < 0xa0) || is_mark(c)) {
		utf8_encode(out, 0xfffd);
	} else {
		utf8_encode(out, c);
	}
}

static size_t
next_character(struct span text, uint32_t *c)
{
	size_t size = utf8_decode(text, c);
	if (size > 0)
		return size;
	*c = 0xfffd;
	return 1;
}

void
terminal_text_add(struct buffer *out, struct span utf8)
{
	uint32_t c;
	while (utf8.size > 0) {
		size_t size = next_character(utf8, &c);
		if (c == '\r' && utf8.size > 1 && utf8.data[1] == '\n') {
			utf8 = span_skip(utf8, 1);
			continue;
		}
		if (c == '\n' || c == '\t')
			buffer_add_byte(out, (char)c);
		else
			add_clean(out, c);
		utf8 = span_skip(utf8, size);
	}
}

void
terminal_text_add_line(struct buffer *out, struct span utf8)
{
	uint32_t c;
	while (utf8.size > 0) {
		size_t size = next_character(utf8, &c);
		if (c == '\n' || c == '\t' || c == '\r')
			buffer_add_byte(out, ' ');
		else
			add_clean(out, c);
		utf8 = span_skip(utf8, size);
	}
}

static size_t
width_of(uint32_t c)
{
	int width = uc_width(c, "UTF-8");
	return width > 0 ? (size_t)width : 0;
}

size_t
terminal_text_width(struct span clean)
{
	size_t width = 0;
	uint32_t c;
	while (clean.size > 0) {
		clean = span_skip(clean, next_character(clean, &c));
		width += width_of(c);
	}
	return width;
}

void
terminal_text_add_cell(struct buffer *out, struct span utf8, size_t columns,
	bool is_padded)
{
	struct buffer line;
	size_t width = 0;
	uint32_t c;
	buffer_init(&line, 0);
	terminal_text_add_line(&line, utf8);
	struct span rest = buffer_span(&line);
	while (rest.size > 0) {
		size_t size = next_character(rest, &c);
		if (width + width_of(c) > columns)
			break;
		width += width_of(c);
		buffer_add(out, span_first(rest, size));
		rest = span_skip(rest, size);
	}
	buffer_fini(&line);
	while (is_padded && width++ < columns)
		buffer_add_byte(out, ' ');
}
