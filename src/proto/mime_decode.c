/*
 * Content-Transfer-Encoding undone, piece by piece: RFC 2045 6.7 (quoted-
 * printable) and 6.8 (base64). Never fails: what is not of the encoding is
 * passed over (base64) or kept as it stands (quoted-printable).
 */
#include <string.h>

#include "base/base64.h"
#include "proto/mime.h"

enum mime_encoding
mime_encoding_of(const struct mime_part *part)
{
	static const struct {
		struct span name;
		enum mime_encoding encoding;
	} names[] = {
		{ SPAN("7bit"), MIME_IDENTITY },
		{ SPAN("8bit"), MIME_IDENTITY },
		{ SPAN("binary"), MIME_IDENTITY },
		{ SPAN("quoted-printable"), MIME_QUOTED_PRINTABLE },
		{ SPAN("base64"), MIME_BASE64 },
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_equals_nocase(part->encoding, names[i].name))
			return names[i].encoding;
	return MIME_UNKNOWN_ENCODING;
}

/* ---- quoted-printable ---- */

/*
 * `held` has what cannot be decided yet: blanks that are dropped if a line end
 * follows (RFC 2045 6.7 rule 3), or "=" with what stands after it.
 */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void
hold(struct mime_decoder *decoder, char c)
{
	decoder->held[decoder->held_size++] = c;
}

/* What was held is text after all. */
static void
flush_held(struct mime_decoder *decoder, struct buffer *out)
{
	buffer_add(out, span_of(decoder->held, decoder->held_size));
	decoder->held_size = 0;
}

static bool
is_escape(const struct mime_decoder *decoder)
{
	return decoder->held_size > 0 && decoder->held[0] == '=';
}

/* One byte after "=": two hexadecimal digits, or blanks and a line end. */
static void
take_escape_byte(struct mime_decoder *decoder, struct buffer *out, char c)
{
	uint64_t byte;
	size_t size = decoder->held_size;
	bool is_soft = size == 1 || is_blank(decoder->held[size - 1]) ||
		decoder->held[size - 1] == '\r';
	if (c == '\n' && is_soft) {
		decoder->held_size = 0;		/* rule 5: a soft line break */
	} else if (size < sizeof(decoder->held) && is_soft &&
	    (is_blank(c) || c == '\r')) {
		hold(decoder, c);
	} else if (size < 3 && span_to_hex_number(span_of(&c, 1), &byte)) {
		hold(decoder, c);
		if (size == 2 && span_to_hex_number(
		    span_of(decoder->held + 1, 2), &byte)) {
			decoder->held_size = 0;
			buffer_add_byte(out, (char)byte);
		}
	} else {
		flush_held(decoder, out);
		if (c == '=')
			hold(decoder, c);
		else
			buffer_add_byte(out, c);
	}
}

/* A run of bytes that mean themselves. */
static size_t
plain_size(struct span bytes)
{
	size_t n = 0;
	while (n < bytes.size && bytes.data[n] != '=' &&
	    bytes.data[n] != ' ' && bytes.data[n] != '\t' &&
	    bytes.data[n] != '\r' && bytes.data[n] != '\n')
		n++;
	return n;
}

static void
take_text_byte(struct mime_decoder *decoder, struct buffer *out, char c)
{
	if (c == '\n') {
		bool crlf = decoder->held_size > 0 &&
			decoder->held[decoder->held_size - 1] == '\r';
		decoder->held_size = 0;
		buffer_add(out, crlf ? SPAN("\r\n") : SPAN("\n"));
		return;
	}
	bool after_return = decoder->held_size > 0 &&
		decoder->held[decoder->held_size - 1] == '\r';
	if (after_return || decoder->held_size == sizeof(decoder->held) ||
	    (!is_blank(c) && c != '\r'))
		flush_held(decoder, out);
	if (is_blank(c) || c == '\r' || c == '=')
		hold(decoder, c);
	else
		buffer_add_byte(out, c);
}

/* "=E4" at the front, all there: what most escapes are. */
static bool
take_escape(struct buffer *out, struct span bytes)
{
	uint64_t byte;
	if (bytes.size < 3 || bytes.data[0] != '=' ||
	    !span_to_hex_number(span_of(bytes.data + 1, 2), &byte))
		return false;
	buffer_add_byte(out, (char)byte);
	return true;
}

static void
decode_quoted_printable(struct mime_decoder *decoder, struct buffer *out,
	struct span bytes)
{
	while (bytes.size > 0) {
		size_t n = decoder->held_size > 0 ? 0 : plain_size(bytes);
		if (n > 0) {
			buffer_add(out, span_first(bytes, n));
			bytes = span_skip(bytes, n);
			continue;
		}
		if (decoder->held_size == 0 && take_escape(out, bytes)) {
			bytes = span_skip(bytes, 3);
			continue;
		}
		if (is_escape(decoder))
			take_escape_byte(decoder, out, bytes.data[0]);
		else
			take_text_byte(decoder, out, bytes.data[0]);
		bytes = span_skip(bytes, 1);
	}
}

/* ---- both ---- */

static void
end_quoted_printable(struct mime_decoder *decoder, struct buffer *out)
{
	/* "=" or blanks at the very end: as before a line end */
	size_t size = decoder->held_size;
	while (size > 0 && (is_blank(decoder->held[size - 1]) ||
	    decoder->held[size - 1] == '\r'))
		size--;
	if (size != 1 || decoder->held[0] != '=')
		buffer_add(out, span_of(decoder->held, size));
	decoder->held_size = 0;
}

static void
decode_base64(struct mime_decoder *decoder, struct buffer *out,
	struct span bytes, bool is_last)
{
	struct base64_decoder state = { decoder->bits, decoder->count };
	base64_decode_part(&state, out, bytes);
	if (is_last)	/* padding that is missing ends the last group too */
		base64_decode_part(&state, out, SPAN("="));
	decoder->bits = state.bits;
	decoder->count = state.count;
}

void
mime_decode_part(struct mime_decoder *decoder, struct buffer *out,
	struct span bytes, bool is_last)
{
	switch (decoder->encoding) {
	case MIME_BASE64:
		decode_base64(decoder, out, bytes, is_last);
		break;
	case MIME_QUOTED_PRINTABLE:
		decode_quoted_printable(decoder, out, bytes);
		if (is_last)
			end_quoted_printable(decoder, out);
		break;
	default:
		buffer_add(out, bytes);
	}
}
