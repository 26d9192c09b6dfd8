/* Arguments of IMAP commands: the basic forms of RFC 9051 9. */
#include "proto/imap_parse.h"

#include <string.h>
#include <uninorm.h>

#include "base/utf8.h"
#include "proto/mutf7.h"

void
imap_parse_init(struct imap_parse *parse, struct span command,
	struct arena *arena, bool is_utf8)
{
	*parse = (struct imap_parse){
		.rest = command, .arena = arena, .is_utf8 = is_utf8
	};
}

bool
imap_parse_fail(struct imap_parse *parse, const char *problem)
{
	if (parse->problem == NULL)
		parse->problem = problem;
	return false;
}

/* ATOM-CHAR: any CHAR but atom-specials. */
static bool
is_atom_char(char c)
{
	if (c <= 0x20 || c >= 0x7f)	/* CTL, SP, and bytes above 127 */
		return false;
	switch (c) {
	case '(': case ')': case '{': case '%': case '*':
	case '"': case '\\': case ']':
		return false;
	default:
		return true;
	}
}

static bool
is_astring_char(char c)
{
	return is_atom_char(c) || c == ']';
}

static bool
is_tag_char(char c)
{
	return is_astring_char(c) && c != '+';
}

static bool
is_list_char(char c)
{
	return is_astring_char(c) || c == '%' || c == '*';
}

static bool
take_while(struct imap_parse *parse, bool (*is_fit)(char c),
	struct span *text, const char *problem)
{
	size_t n = 0;
	while (n < parse->rest.size && is_fit(parse->rest.data[n]))
		n++;
	if (n == 0)
		return imap_parse_fail(parse, problem);
	*text = span_first(parse->rest, n);
	parse->rest = span_skip(parse->rest, n);
	return true;
}

bool
imap_parse_command(struct imap_parse *parse, struct span *tag,
	struct span *name)
{
	if (!take_while(parse, is_tag_char, tag, "A command begins with a tag"))
		return false;
	if (!imap_parse_space(parse))
		return false;
	return take_while(parse, is_atom_char, name,
		"A command's name follows the tag");
}

bool
imap_parse_end(struct imap_parse *parse)
{
	return parse->rest.size == 0 ||
		imap_parse_fail(parse, "Unexpected text after the arguments");
}

bool
imap_parse_is_at_end(const struct imap_parse *parse)
{
	return parse->rest.size == 0;
}

bool
imap_parse_is_next(const struct imap_parse *parse, char c)
{
	return parse->rest.size > 0 && parse->rest.data[0] == c;
}

bool
imap_parse_byte(struct imap_parse *parse, char c)
{
	if (!imap_parse_is_next(parse, c))
		return imap_parse_fail(parse, c == '(' || c == ')' ?
			"A parenthesis is missing" : "Unexpected character");
	parse->rest = span_skip(parse->rest, 1);
	return true;
}

bool
imap_parse_space(struct imap_parse *parse)
{
	if (!imap_parse_is_next(parse, ' '))
		return imap_parse_fail(parse, parse->rest.size == 0 ?
			"Too few arguments" : "A space is missing");
	parse->rest = span_skip(parse->rest, 1);
	return true;
}

bool
imap_parse_skip(struct imap_parse *parse, const char *text)
{
	struct span wanted = span_from(text);
	if (!span_starts_nocase(parse->rest, wanted))
		return false;
	parse->rest = span_skip(parse->rest, wanted.size);
	return true;
}

bool
imap_parse_atom(struct imap_parse *parse, struct span *atom)
{
	return take_while(parse, is_atom_char, atom, "An atom is missing");
}

/* The closing quote's position, and whether something is escaped. */
static bool
find_quote(const struct imap_parse *parse, size_t *end, size_t *escapes)
{
	struct span text = parse->rest;
	*escapes = 0;
	for (size_t i = 1; i < text.size; i++) {
		char c = text.data[i];
		if (c == '"') {
			*end = i;
			return true;
		}
		if (c == '\r' || c == '\n' || c == '\0')
			return false;
		if (c != '\\')
			continue;
		i++;
		(*escapes)++;
		if (i == text.size ||
		    (text.data[i] != '"' && text.data[i] != '\\'))
			return false;
	}
	return false;
}

static bool
parse_quoted(struct imap_parse *parse, struct span *string)
{
	size_t end, escapes;
	if (!find_quote(parse, &end, &escapes))
		return imap_parse_fail(parse, "A quoted string is not well-formed");
	struct span raw = span_of(parse->rest.data + 1, end - 1);
	parse->rest = span_skip(parse->rest, end + 1);
	/* UTF-8 may stand in quotes only where it was enabled (RFC 9051 4.3,
	 * RFC 6855 3). */
	if (!utf8_is_ascii(raw) && (!parse->is_utf8 || !utf8_is_valid(raw)))
		return imap_parse_fail(parse, parse->is_utf8 ?
			"A quoted string is not UTF-8" :
			"A quoted string has bytes that are not ASCII");
	*string = raw;
	if (escapes == 0)
		return true;
	char *plain = arena_new(parse->arena, raw.size);
	size_t size = 0;
	for (size_t i = 0; i < raw.size; i++) {
		if (raw.data[i] == '\\')
			i++;
		plain[size++] = raw.data[i];
	}
	*string = span_of(plain, size);
	return true;
}

static bool
parse_literal(struct imap_parse *parse, struct span *string)
{
	struct span text = parse->rest;
	size_t end = span_find(text, '}');
	uint64_t size;
	struct span number = span_skip(span_first(text, end), 1);
	if (number.size > 0 && number.data[number.size - 1] == '+')
		number.size--;
	if (end == text.size || !span_to_number(number, INT64_MAX, &size))
		return imap_parse_fail(parse, "A literal is not well-formed");
	text = span_skip(text, end + 1);
	if (!span_starts(text, SPAN("\r\n")) || text.size - 2 < size)
		return imap_parse_fail(parse, "A literal is not well-formed");
	*string = span_first(span_skip(text, 2), (size_t)size);
	parse->rest = span_skip(text, 2 + (size_t)size);
	/* literal = ... *CHAR8, which is anything but NUL (RFC 9051 9). */
	if (span_find(*string, '\0') != string->size)
		return imap_parse_fail(parse, "A literal contains a NUL byte");
	return true;
}

bool
imap_parse_string(struct imap_parse *parse, struct span *string)
{
	if (imap_parse_is_next(parse, '"'))
		return parse_quoted(parse, string);
	if (imap_parse_is_next(parse, '{'))
		return parse_literal(parse, string);
	return imap_parse_fail(parse, parse->rest.size == 0 ?
		"Too few arguments" : "A string is missing");
}

bool
imap_parse_astring(struct imap_parse *parse, struct span *string)
{
	if (imap_parse_is_next(parse, '"') || imap_parse_is_next(parse, '{'))
		return imap_parse_string(parse, string);
	return take_while(parse, is_astring_char, string,
		"An atom or a string is missing");
}

bool
imap_parse_nstring(struct imap_parse *parse, struct span *string)
{
	struct span rest = parse->rest;
	if (imap_parse_skip(parse, "NIL") && (parse->rest.size == 0 ||
	    !is_astring_char(parse->rest.data[0]))) {
		*string = span_of(NULL, 0);
		return true;
	}
	parse->rest = rest;
	if (!imap_parse_string(parse, string))
		return false;
	if (string->data == NULL)
		*string = SPAN("");
	return true;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
parse_number_up_to(struct imap_parse *parse, uint64_t max, uint64_t *number)
{
	struct span digits;
	return take_while(parse, is_digit, &digits, "A number is missing") &&
		(span_to_number(digits, max, number) ||
		imap_parse_fail(parse, "A number is too large"));
}

bool
imap_parse_number(struct imap_parse *parse, uint32_t *number)
{
	uint64_t wide;
	if (!parse_number_up_to(parse, UINT32_MAX, &wide))
		return false;
	*number = (uint32_t)wide;
	return true;
}

bool
imap_parse_nz_number(struct imap_parse *parse, uint32_t *number)
{
	return imap_parse_number(parse, number) && (*number != 0 ||
		imap_parse_fail(parse, "Zero is not allowed here"));
}

bool
imap_parse_number64(struct imap_parse *parse, uint64_t *number)
{
	return parse_number_up_to(parse, INT64_MAX, number);
}

static bool
is_sequence_char(char c)
{
	return is_digit(c) || c == ':' || c == ',' || c == '*';
}

bool
imap_parse_sequence_set(struct imap_parse *parse, struct span *text)
{
	if (imap_parse_is_next(parse, '$')) {
		*text = span_first(parse->rest, 1);
		parse->rest = span_skip(parse->rest, 1);
		return true;
	}
	return take_while(parse, is_sequence_char, text,
		"A sequence set is missing");
}

struct span
imap_parse_decode_mailbox(struct imap_parse *parse, struct span string)
{
	struct span utf8 = string;
	if (!parse->is_utf8) {
		struct buffer decoded;
		buffer_init(&decoded, 0);
		bool ok = mutf7_decode(&decoded, string);
		utf8 = ok ? arena_copy(parse->arena, buffer_span(&decoded)) :
			span_of(NULL, 0);
		buffer_fini(&decoded);
		if (!ok)
			return utf8;
	} else if (!utf8_is_valid(string)) {
		return span_of(NULL, 0);
	}
	if (utf8_is_ascii(utf8))
		return utf8.data == NULL ? SPAN("") : utf8;
	/* Net-Unicode (RFC 9051 5.1); NFC makes UTF-8 at most 3 times longer. */
	size_t size = utf8.size * 3;
	uint8_t *room = arena_new(parse->arena, size);
	uint8_t *normal = u8_normalize(UNINORM_NFC, (const uint8_t *)utf8.data,
		utf8.size, room, &size);
	return normal == room ? span_of(room, size) : span_of(NULL, 0);
}

bool
imap_parse_mailbox(struct imap_parse *parse, struct span *name)
{
	struct span string;
	if (!imap_parse_astring(parse, &string))
		return false;
	*name = imap_parse_decode_mailbox(parse, string);
	if (span_equals_nocase(*name, SPAN("INBOX")))
		*name = SPAN("INBOX");
	return true;
}

bool
imap_parse_list_mailbox(struct imap_parse *parse, struct span *pattern)
{
	struct span string;
	if (imap_parse_is_next(parse, '"') || imap_parse_is_next(parse, '{')) {
		if (!imap_parse_string(parse, &string))
			return false;
	} else if (!take_while(parse, is_list_char, &string,
	    "A mailbox pattern is missing")) {
		return false;
	}
	*pattern = imap_parse_decode_mailbox(parse, string);
	return true;
}
