/* Looking at bodies and stuffing dots; body.h. */
#include "relay/body.h"

#include <string.h>

#include "base/file.h"

/* ---- a walk over the bytes ---- */

void
body_reader_init(struct body_reader *reader, const struct mail_body *body)
{
	*reader = (struct body_reader){ .body = body };
	buffer_init(&reader->piece, 0);
}

void
body_reader_fini(struct body_reader *reader)
{
	buffer_fini(&reader->piece);
}

enum body_read
body_reader_next(struct body_reader *reader, struct span *bytes,
	struct error *error)
{
	const struct mail_body *body = reader->body;
	uint64_t left = body->size - reader->at;
	size_t size = left < BODY_PIECE ? (size_t)left : BODY_PIECE;
	if (size == 0)
		return BODY_END;
	if (body->file < 0) {
		*bytes = span_of(body->memory.data + reader->at, size);
	} else {
		buffer_clear(&reader->piece);
		buffer_reserve(&reader->piece, size);
		if (file_read_at(body->file, reader->piece.data, size,
			body->offset + reader->at, error) < 0)
			return BODY_FAILED;
		*bytes = span_of(reader->piece.data, size);
	}
	reader->at += size;
	return BODY_BYTES;
}

/* ---- what stands in them ---- */

void
body_scanner_init(struct body_scanner *scanner)
{
	*scanner = (struct body_scanner){ .facts = { .ends_line = true },
		.last = '\n' };
}

static bool
has_high_bit(struct span bytes)
{
	uint64_t all = 0, word;
	size_t at = 0;
	for (; at + sizeof(word) <= bytes.size; at += sizeof(word)) {
		memcpy(&word, bytes.data + at, sizeof(word));
		all |= word;
	}
	for (; at < bytes.size; at++)
		all |= (uint8_t)bytes.data[at];
	return (all & 0x8080808080808080) != 0;
}

/* A line, or part of one, without the LF that may follow. */
static void
see_line(struct body_scanner *scanner, struct span line, bool is_ended)
{
	struct body_facts *facts = &scanner->facts;
	bool is_start = scanner->line_size == 0;
	size_t cr = span_find(line, '\r');
	bool has_cr_before = line.size == 0 ? scanner->last == '\r' :
		line.data[line.size - 1] == '\r';
	if (is_start && line.size > 0 && line.data[0] == '.')
		facts->has_dot = true;
	/* A CR is bare unless it is the last byte before LF; one at the end of
	 * a piece is judged with the next. */
	if (scanner->last == '\r' && line.size > 0)
		facts->has_bare = true;
	if (cr + 1 < line.size || (is_ended && !has_cr_before))
		facts->has_bare = true;
	scanner->line_size += line.size;
	if (scanner->line_size > BODY_LINE_LIMIT + 1)
		facts->has_long_line = true;
	if (line.size > 0)
		scanner->last = line.data[line.size - 1];
	if (!is_ended)
		return;
	if (scanner->line_size <= 1)
		scanner->is_in_body = true;
	scanner->line_size = 0;
	scanner->last = '\n';
}

static void
see_header(struct body_scanner *scanner, struct span line)
{
	if (!scanner->is_in_body && has_high_bit(line))
		scanner->facts.has_8bit_header = true;
}

void
body_scanner_feed(struct body_scanner *scanner, struct span bytes)
{
	struct body_facts *facts = &scanner->facts;
	bool has_8bit = has_high_bit(bytes);
	if (bytes.size == 0)
		return;
	facts->has_8bit = facts->has_8bit || has_8bit;
	facts->has_nul = facts->has_nul ||
		memchr(bytes.data, '\0', bytes.size) != NULL;
	for (struct span rest = bytes; rest.size > 0;) {
		size_t end = span_find(rest, '\n');
		struct span line = span_first(rest, end);
		if (has_8bit)
			see_header(scanner, line);
		see_line(scanner, line, end < rest.size);
		rest = span_skip(rest, end + 1);
	}
	facts->ends_line = scanner->last == '\n' && !facts->has_bare;
}

int
body_scan(const struct mail_body *body, struct body_facts *facts,
	struct error *error)
{
	struct body_scanner scanner;
	struct body_reader reader;
	struct span bytes;
	enum body_read read;
	body_scanner_init(&scanner);
	body_reader_init(&reader, body);
	while ((read = body_reader_next(&reader, &bytes, error)) == BODY_BYTES)
		body_scanner_feed(&scanner, bytes);
	body_reader_fini(&reader);
	if (scanner.last == '\r')
		scanner.facts.has_bare = true;
	*facts = scanner.facts;
	return read == BODY_END ? 0 : -1;
}

bool
body_is_plain(const struct body_facts *facts)
{
	return !facts->has_bare && !facts->has_dot;
}

/* ---- DATA ---- */

enum { LINE_START, MIDDLE, CR };

void
body_dots_init(struct body_dots *dots)
{
	dots->state = LINE_START;
}

/* Text without CR and LF. */
static void
add_text(struct body_dots *dots, struct span text, struct buffer *out)
{
	if (text.size == 0)
		return;
	if (dots->state == LINE_START && text.data[0] == '.')
		buffer_add_byte(out, '.');
	buffer_add(out, text);
	dots->state = MIDDLE;
}

/* Up to the next CR or LF and that; the octets used, at least one. */
static size_t
take_line(struct body_dots *dots, struct span in, struct buffer *out)
{
	size_t lf = span_find(in, '\n');
	size_t cr = span_find(span_first(in, lf), '\r');
	if (cr < lf) {
		add_text(dots, span_first(in, cr), out);
		dots->state = CR;
		return cr + 1;
	}
	add_text(dots, span_first(in, lf), out);
	if (lf == in.size)
		return lf;
	buffer_add(out, SPAN("\r\n"));
	dots->state = LINE_START;
	return lf + 1;
}

void
body_dots_feed(struct body_dots *dots, struct span bytes, struct buffer *out)
{
	while (bytes.size > 0) {
		/* The CR before LF goes out with it; any other is a blank. */
		if (dots->state == CR && bytes.data[0] != '\n')
			buffer_add_byte(out, ' ');
		if (dots->state == CR)
			dots->state = MIDDLE;
		bytes = span_skip(bytes, take_line(dots, bytes, out));
	}
}

void
body_dots_end(struct body_dots *dots, struct buffer *out)
{
	if (dots->state != LINE_START)
		buffer_add(out, SPAN("\r\n"));
	buffer_add(out, SPAN(".\r\n"));
	dots->state = LINE_START;
}
