/* Making 7-bit messages; downgrade.h. */
#include "relay/downgrade.h"

#include <string.h>

#include "base/base64.h"
#include "proto/mime.h"
#include "relay/body.h"

enum {
	LINE = 76,			/* RFC 2045 6.7 (5), 6.8 */
	LINE_BYTES = LINE / 4 * 3,
	ARENA_LIMIT = 64 << 20,
};

/* The state of one conversion. Bytes before .at are written. */
struct downgrade {
	const struct mail_body *from;
	struct mail_body *to;
	struct arena arena;
	uint64_t at;
	enum downgrade_verdict verdict;
	struct error *error;
};

/* ---- encodings ---- */

void
downgrade_encode(struct span bytes, struct buffer *out)
{
	while (bytes.size > 0) {
		base64_encode(out, span_first(bytes, LINE_BYTES));
		bytes = span_skip(bytes, LINE_BYTES);
		if (bytes.size > 0)
			buffer_add(out, SPAN("\r\n"));
	}
}

static bool
is_line_end(struct span rest)
{
	return span_starts(rest, SPAN("\r\n"));
}

/* May it stand for itself? A blank only where more of its line follows. */
static bool
is_plain(struct span rest)
{
	char c = rest.data[0];
	if (c == ' ' || c == '\t')
		return rest.size > 1 && !is_line_end(span_skip(rest, 1));
	return c > ' ' && c < 0x7f && c != '=';
}

void
downgrade_quote(struct span text, struct buffer *out)
{
	size_t column = 0;
	while (text.size > 0) {
		if (is_line_end(text)) {
			buffer_add(out, SPAN("\r\n"));
			text = span_skip(text, 2);
			column = 0;
			continue;
		}
		bool plain = is_plain(text);
		size_t width = plain ? 1 : 3;
		if (column + width > LINE - 1) {
			buffer_add(out, SPAN("=\r\n"));
			column = 0;
		}
		if (plain)
			buffer_add_byte(out, text.data[0]);
		else
			buffer_print(out, "=%02X", (uint8_t)text.data[0]);
		column += width;
		text = span_skip(text, 1);
	}
}

/* ---- bytes in and out ---- */

static void
fail(struct downgrade *downgrade, enum downgrade_verdict verdict)
{
	if (downgrade->verdict == DOWNGRADE_DONE)
		downgrade->verdict = verdict;
}

static void
write_bytes(struct downgrade *downgrade, struct span bytes)
{
	if (downgrade->verdict == DOWNGRADE_DONE && mail_body_add(
		downgrade->to, bytes, downgrade->error) < 0)
		fail(downgrade, DOWNGRADE_FAILED);
}

/* A run of the message, in memory until the arena ends. */
static struct span
read_run(struct downgrade *downgrade, uint64_t offset, uint64_t size)
{
	struct mail_body run;
	struct body_reader reader;
	struct span bytes;
	struct buffer whole;
	enum body_read read;
	if (downgrade->from->file < 0)
		return span_first(span_skip(buffer_span(
			&downgrade->from->memory), offset), (size_t)size);
	mail_body_borrow(&run, downgrade->from->file,
		downgrade->from->offset + offset, size);
	body_reader_init(&reader, &run);
	buffer_init(&whole, 0);
	while ((read = body_reader_next(&reader, &bytes, downgrade->error)) ==
		BODY_BYTES)
		buffer_add(&whole, bytes);
	if (read == BODY_FAILED)
		fail(downgrade, DOWNGRADE_FAILED);
	struct span copy = arena_copy(&downgrade->arena, buffer_span(&whole));
	buffer_fini(&whole);
	body_reader_fini(&reader);
	return copy;
}

/* What belongs to no part: boundaries, and text that nobody is shown. */
static void
copy_between(struct downgrade *downgrade, uint64_t end)
{
	if (end <= downgrade->at)
		return;
	struct span bytes = read_run(downgrade, downgrade->at,
		end - downgrade->at);
	char *clean = arena_new(&downgrade->arena, bytes.size);
	for (size_t i = 0; i < bytes.size; i++)
		clean[i] = (uint8_t)bytes.data[i] > 0x7f ||
			bytes.data[i] == '\0' ? '?' : bytes.data[i];
	write_bytes(downgrade, span_of(clean, bytes.size));
	downgrade->at = end;
}

static bool
is_seven_bit(struct span bytes)
{
	for (size_t i = 0; i < bytes.size; i++)
		if ((uint8_t)bytes.data[i] > 0x7f || bytes.data[i] == '\0')
			return false;
	return true;
}

/* Lines of at most BODY_LINE_LIMIT that CRLF ends, of 7-bit bytes? */
static bool
is_fit(struct span bytes)
{
	struct body_scanner scanner;
	body_scanner_init(&scanner);
	body_scanner_feed(&scanner, bytes);
	return is_seven_bit(bytes) && !scanner.facts.has_bare &&
		!scanner.facts.has_long_line && scanner.last != '\r';
}

/* ---- headers ---- */

/* The fields but Content-Transfer-Encoding, which becomes `encoding`, and
 * before the empty line `more`. */
static void
write_header(struct downgrade *downgrade, struct span header,
	const char *more, const char *encoding)
{
	struct span rest = header;
	struct mime_field field;
	const char *at = header.data;
	size_t end = header.size;
	if (span_ends_nocase(header, SPAN("\r\n")))
		end -= 2;
	while (mime_next_field(&rest, &field)) {
		if (!span_equals_nocase(field.name,
			SPAN("Content-Transfer-Encoding")))
			continue;
		write_bytes(downgrade, span_of(at,
			(size_t)(field.whole.data - at)));
		at = field.whole.data + field.whole.size;
	}
	if (at < header.data + end)
		write_bytes(downgrade, span_of(at,
			(size_t)(header.data + end - at)));
	write_bytes(downgrade, span_from(more));
	write_bytes(downgrade, SPAN("Content-Transfer-Encoding: "));
	write_bytes(downgrade, span_from(encoding));
	write_bytes(downgrade, SPAN("\r\n\r\n"));
}

static bool
has_field(struct span header, struct span name)
{
	struct mime_field field;
	while (mime_next_field(&header, &field))
		if (span_equals_nocase(field.name, name))
			return true;
	return false;
}

/* ---- parts ---- */

/* RFC 1428 3: text of nobody knows which characters. */
static const char *
missing_fields(const struct mime_part *part, struct span header)
{
	if (part->parent != NULL ||
		has_field(header, SPAN("MIME-Version")))
		return "";
	return has_field(header, SPAN("Content-Type")) ?
		"MIME-Version: 1.0\r\n" : "MIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=unknown-8bit\r\n";
}

static void
encode_leaf(struct downgrade *downgrade, const struct mime_part *part,
	struct span header, struct span body)
{
	struct buffer out;
	/* NULs and bare line ends are no text, whatever the type says. */
	struct body_scanner scanner;
	body_scanner_init(&scanner);
	body_scanner_feed(&scanner, body);
	bool is_text = span_equals(part->type, SPAN("text")) &&
		!scanner.facts.has_nul && !scanner.facts.has_bare;
	if (mime_encoding_of(part) != MIME_IDENTITY ||
		span_equals(part->type, SPAN("message")) || header.size == 0) {
		fail(downgrade, DOWNGRADE_IMPOSSIBLE);
		return;
	}
	write_header(downgrade, header, missing_fields(part, header),
		is_text ? "quoted-printable" : "base64");
	buffer_init(&out, 0);
	if (is_text)
		downgrade_quote(body, &out);
	else
		downgrade_encode(body, &out);
	if (!is_text && part->parent == NULL)
		buffer_add(&out, SPAN("\r\n"));
	write_bytes(downgrade, buffer_span(&out));
	buffer_fini(&out);
}

static void
convert_leaf(struct downgrade *downgrade, const struct mime_part *part,
	struct span header)
{
	struct span body = read_run(downgrade, part->body_offset,
		part->body_size);
	if (!is_fit(body)) {
		encode_leaf(downgrade, part, header, body);
	} else {
		write_bytes(downgrade, header);
		write_bytes(downgrade, body);
	}
	downgrade->at = part->body_offset + part->body_size;
}

/* Its label speaks of the parts inside, which have 7 bits now. */
static void
convert_container(struct downgrade *downgrade, const struct mime_part *part,
	struct span header)
{
	if (span_equals(part->encoding, SPAN("8bit")) ||
		span_equals(part->encoding, SPAN("binary")))
		write_header(downgrade, header, "", "7bit");
	else
		write_bytes(downgrade, header);
	downgrade->at = part->header_offset + part->header_size;
}

/* Depth is bounded by the parser (MIME_DEPTH_LIMIT). */
static void
convert_part(struct downgrade *downgrade, const struct mime_part *part)
{
	copy_between(downgrade, part->header_offset);
	struct span header = read_run(downgrade, part->header_offset,
		part->header_size);
	if (!is_seven_bit(header))
		fail(downgrade, DOWNGRADE_IMPOSSIBLE);
	if (arena_is_exceeded(&downgrade->arena))
		fail(downgrade, DOWNGRADE_IMPOSSIBLE);
	if (downgrade->verdict != DOWNGRADE_DONE)
		return;
	if (part->kind == MIME_LEAF) {
		convert_leaf(downgrade, part, header);
		return;
	}
	convert_container(downgrade, part, header);
	for (const struct mime_part *child = part->child; child != NULL;
		child = child->next)
		convert_part(downgrade, child);
	copy_between(downgrade, part->body_offset + part->body_size);
}

static const struct mime_part *
parse(struct downgrade *downgrade)
{
	struct mime_parser *parser = mime_parser_new(&downgrade->arena);
	struct body_reader reader;
	struct span bytes;
	enum body_read read;
	body_reader_init(&reader, downgrade->from);
	while ((read = body_reader_next(&reader, &bytes, downgrade->error)) ==
		BODY_BYTES)
		mime_parser_feed(parser, bytes);
	if (read == BODY_FAILED)
		fail(downgrade, DOWNGRADE_FAILED);
	body_reader_fini(&reader);
	return mime_parser_end(parser);
}

enum downgrade_verdict
downgrade(const struct mail_body *from, struct mail_body *to,
	struct error *error)
{
	struct downgrade state = { .from = from, .to = to, .error = error };
	arena_init(&state.arena, ARENA_LIMIT);
	const struct mime_part *root = parse(&state);
	if (state.verdict == DOWNGRADE_DONE)
		convert_part(&state, root);
	copy_between(&state, from->size);
	arena_fini(&state.arena);
	return state.verdict;
}
