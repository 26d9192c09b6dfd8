/*
 * Encoded words of headers (RFC 2047, RFC 2231 5) as UTF-8. Lenient where
 * mailers are: words inside quoted strings, longer than 75 characters, with
 * blanks in them, and characters cut in two between neighbouring words.
 */
#include <string.h>

#include "base/base64.h"
#include "base/utf8.h"
#include "proto/charset.h"
#include "proto/mime.h"

struct word {
	struct span charset;
	char encoding;		/* 'b' or 'q' */
	struct span text;
	size_t size;		/* from "=?" to "?=" */
};

/* Walks over the value; the end of the next word is found only once. */
struct scan {
	struct span value;
	size_t at;
	size_t close;		/* where the first "?=" not before it stands */
};

static size_t
find_close(struct scan *scan, size_t from)
{
	if (scan->close < from)
		scan->close = from + span_search(span_skip(scan->value, from),
			SPAN("?="));
	return scan->close;
}

/* The encoded word at position `at`. */
static bool
parse_word(struct scan *scan, size_t at, struct word *word)
{
	enum { CHARSET_LIMIT = 60 };
	struct span rest = span_skip(scan->value, at);
	if (!span_starts(rest, SPAN("=?")))
		return false;
	struct span head = span_first(span_skip(rest, 2), CHARSET_LIMIT);
	size_t charset = span_find(head, '?');
	if (charset == 0 || charset + 2 >= head.size ||
	    head.data[charset + 2] != '?')
		return false;
	word->encoding = span_lower_byte(head.data[charset + 1]);
	if (word->encoding != 'b' && word->encoding != 'q')
		return false;
	size_t text = at + 2 + charset + 3;
	size_t close = find_close(scan, text);
	if (close >= scan->value.size)
		return false;
	word->charset = span_first(head, charset);
	word->charset.size = span_find(word->charset, '*');	/* RFC 2231 5 */
	word->text = span_of(scan->value.data + text, close - text);
	word->size = close + 2 - at;
	return true;
}

static void
add_q(struct buffer *out, struct span text)
{
	/* RFC 2047 4.2 */
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		uint64_t byte;
		if (c == '=' && i + 2 < text.size && span_to_hex_number(
		    span_of(text.data + i + 1, 2), &byte)) {
			c = (char)byte;
			i += 2;
		} else if (c == '_') {
			c = ' ';
		}
		buffer_add_byte(out, c);
	}
}

static void
add_decoded(struct buffer *out, const struct word *word)
{
	struct base64_decoder decoder = { 0 };
	if (word->encoding == 'q') {
		add_q(out, word->text);
		return;
	}
	base64_decode_part(&decoder, out, word->text);
	base64_decode_part(&decoder, out, SPAN("="));
}

/* Position after blanks. */
static size_t
skip_blanks(struct span value, size_t at)
{
	while (at < value.size && (value.data[at] == ' ' ||
	    value.data[at] == '\t'))
		at++;
	return at;
}

/*
 * The word at scan->at and those after it that only blanks separate (RFC 2047
 * 6.2) as long as they have the same charset: bytes are joined before they are
 * converted.
 */
static void
take_words(struct scan *scan, struct word *word, struct buffer *bytes,
	struct buffer *out)
{
	struct span charset = word->charset;
	bool more = true;
	buffer_clear(bytes);
	while (more) {
		add_decoded(bytes, word);
		scan->at += word->size;
		size_t next = skip_blanks(scan->value, scan->at);
		more = next < scan->value.size &&
			parse_word(scan, next, word);
		if (more)
			scan->at = next;
		more = more && span_equals_nocase(charset, word->charset);
	}
	charset_to_utf8(out, charset, buffer_span(bytes));
}

/* Line ends that were encoded would make fields where there are none. */
static void
blank_controls(struct span text, char *data)
{
	for (size_t i = 0; i < text.size; i++)
		if (data[i] == '\r' || data[i] == '\n' || data[i] == '\0')
			data[i] = ' ';
}

struct span
mime_decode_words(struct arena *arena, struct span value)
{
	struct scan scan = { .value = value };
	struct buffer out, bytes;
	struct word word;
	buffer_init(&out, 0);
	buffer_init(&bytes, 0);
	while (scan.at < value.size) {
		if (parse_word(&scan, scan.at, &word)) {
			take_words(&scan, &word, &bytes, &out);
			continue;
		}
		size_t from = scan.at;
		scan.at += 1 + span_search(span_skip(value, from + 1),
			SPAN("=?"));
		utf8_add_repaired(&out, span_of(value.data + from,
			scan.at - from));
	}
	struct span decoded = arena_copy(arena, buffer_span(&out));
	if (decoded.size > 0)
		blank_controls(decoded, (char *)decoded.data);
	buffer_fini(&out);
	buffer_fini(&bytes);
	return decoded;
}
