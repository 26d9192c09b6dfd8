/*
 * Tokens and parameters of MIME fields: RFC 2045 5.1, with the continuations
 * and charsets of RFC 2231 joined. Lenient, because people's mailers are not
 * strict: missing quotes, doubled or trailing semicolons, unfinished strings.
 */
#include "proto/mime_parameter.h"

#include "proto/charset.h"

/* One parameter as it was written. */
struct piece {
	struct span base;	/* lower case, without "*0*" */
	struct span value;
	int section;		/* of RFC 2231 3; -1: none */
	bool is_encoded;	/* the name ended in "*" (RFC 2231 4) */
	bool is_done;
};

static bool
is_token_byte(char c)
{
	/* RFC 2045 5.1, and bytes that are not ASCII */
	static const char special[] = "()<>@,;:\\\"/[]?=";
	if (c >= 0 && c <= ' ')
		return false;
	return c != 0x7f && span_find(SPAN(special), c) == sizeof(special) - 1;
}

static struct span
take_token(struct arena *arena, struct span *rest)
{
	size_t n = 0;
	mime_skip_between(rest);
	while (n < rest->size && is_token_byte(rest->data[n]))
		n++;
	char *lower = arena_new(arena, n + 1);
	for (size_t i = 0; i < n; i++)
		lower[i] = span_lower_byte(rest->data[i]);
	*rest = span_skip(*rest, n);
	return span_of(lower, n);
}

struct span
mime_parse_token(struct arena *arena, struct span value)
{
	return take_token(arena, &value);
}

/* After the opening quote; a missing closing one is at the end. */
static struct span
take_quoted(struct arena *arena, struct span *rest)
{
	size_t size = 0, n = 0;
	while (size < rest->size && rest->data[size] != '"')
		size += rest->data[size] == '\\' && size + 1 < rest->size ?
			2 : 1;
	char *text = arena_new(arena, size + 1);
	for (size_t i = 0; i < size; i++) {
		if (rest->data[i] == '\\' && i + 1 < size)
			i++;
		text[n++] = rest->data[i];
	}
	*rest = span_skip(*rest, size + 1);
	return span_of(text, n);
}

/* RFC 2045 wants a token; mailers forget the quotes, so it goes on to ';'. */
static struct span
take_unquoted(struct span *rest)
{
	size_t n = 0;
	while (n < rest->size && rest->data[n] != ';' && rest->data[n] != '(')
		n++;
	struct span value = span_trim(span_first(*rest, n));
	*rest = span_skip(*rest, n);
	return value;
}

/* "name*2*" is base "name", section 2, encoded. */
static void
split_name(struct piece *piece)
{
	struct span name = piece->base;
	uint64_t section;
	piece->section = -1;
	if (name.size > 1 && name.data[name.size - 1] == '*') {
		piece->is_encoded = true;
		name.size--;
	}
	size_t star = span_find(name, '*');
	if (star > 0 && star < name.size) {
		if (!span_to_number(span_skip(name, star + 1),
		    MIME_PARAMETER_LIMIT, &section)) {
			piece->is_encoded = false;	/* none of RFC 2231's */
			return;
		}
		piece->section = (int)section;
		name = span_first(name, star);
	}
	piece->base = name;
}

/* Everything from the first ';' on. */
static size_t
take_pieces(struct arena *arena, struct span rest, struct piece *pieces)
{
	size_t count = 0;
	while (rest.size > 0 && count < MIME_PARAMETER_LIMIT) {
		mime_skip_between(&rest);
		rest = span_skip(rest, span_find(rest, ';') + 1);
		struct span name = take_token(arena, &rest);
		mime_skip_between(&rest);
		if (name.size == 0 || rest.size == 0 || rest.data[0] != '=')
			continue;
		rest = span_skip(rest, 1);
		mime_skip_between(&rest);
		struct piece *piece = &pieces[count++];
		*piece = (struct piece){ .base = name };
		if (rest.size > 0 && rest.data[0] == '"') {
			rest = span_skip(rest, 1);
			piece->value = take_quoted(arena, &rest);
		} else {
			piece->value = arena_copy(arena, take_unquoted(&rest));
		}
		split_name(piece);
	}
	return count;
}

static void
add_percent_decoded(struct buffer *out, struct span text)
{
	while (text.size > 0) {
		uint64_t byte;
		size_t n = 1;
		if (text.data[0] == '%' && text.size >= 3 &&
		    span_to_hex_number(span_of(text.data + 1, 2), &byte)) {
			buffer_add_byte(out, (char)byte);
			n = 3;
		} else {
			buffer_add_byte(out, text.data[0]);
		}
		text = span_skip(text, n);
	}
}

/* "charset'language'text" of RFC 2231 4: cuts charset and language off. */
static struct span
take_charset(struct span *text)
{
	struct span rest = *text, charset, language;
	if (!span_split(&rest, '\'', &charset) ||
	    !span_split(&rest, '\'', &language) || rest.data == NULL)
		return SPAN("");
	*text = rest;
	return charset;
}

static struct piece *
find_section(struct piece *pieces, size_t count, struct span base, int section)
{
	for (size_t i = 0; i < count; i++)
		if (!pieces[i].is_done && pieces[i].section == section &&
		    span_equals(pieces[i].base, base))
			return &pieces[i];
	return NULL;
}

/*
 * Joins "name*0*", "name*1" ... from `first` on, or decodes "name*" alone. The
 * bytes are converted after they are joined, since a character may be cut.
 */
static struct mime_parameter *
join(struct arena *arena, struct piece *pieces, size_t count,
	struct piece *first)
{
	struct mime_parameter *parameter = arena_new(arena, sizeof(*parameter));
	struct span charset = SPAN("");
	struct buffer bytes, utf8;
	int section = first->section;
	buffer_init(&bytes, 0);
	buffer_init(&utf8, 0);
	parameter->name = first->base;
	parameter->is_extended = first->is_encoded;
	for (struct piece *piece = first; piece != NULL;
	    piece = section < 0 ? NULL :
	    find_section(pieces, count, first->base, ++section)) {
		piece->is_done = true;
		if (piece == first && piece->is_encoded)
			charset = take_charset(&piece->value);
		if (piece->is_encoded)
			add_percent_decoded(&bytes, piece->value);
		else
			buffer_add(&bytes, piece->value);
	}
	if (parameter->is_extended)
		charset_to_utf8(&utf8, charset, buffer_span(&bytes));
	parameter->value = arena_copy(arena, buffer_span(
		parameter->is_extended ? &utf8 : &bytes));
	buffer_fini(&bytes);
	buffer_fini(&utf8);
	return parameter;
}

static struct mime_parameter *
parse_parameters(struct arena *arena, struct span rest)
{
	struct piece pieces[MIME_PARAMETER_LIMIT];
	size_t count = take_pieces(arena, rest, pieces);
	struct mime_parameter *list = NULL, **end = &list;
	for (size_t i = 0; i < count; i++) {
		struct piece *piece = &pieces[i];
		if (piece->is_done)
			continue;
		if (piece->section > 0)
			piece = find_section(pieces, count, piece->base, 0);
		if (piece == NULL)
			continue;	/* a continuation of nothing */
		*end = join(arena, pieces, count, piece);
		end = &(*end)->next;
	}
	return list;
}

bool
mime_parse_content_type(struct arena *arena, struct span value,
	struct mime_part *part)
{
	struct span rest = value;
	struct span type = take_token(arena, &rest), subtype = SPAN("");
	mime_skip_between(&rest);
	if (rest.size > 0 && rest.data[0] == '/') {
		rest = span_skip(rest, 1);
		subtype = take_token(arena, &rest);
	} else if (span_equals(type, SPAN("text"))) {
		subtype = SPAN("plain");	/* "text" alone, of RFC 1049's day */
	}
	if (type.size == 0 || subtype.size == 0)
		return false;
	part->type = type;
	part->subtype = subtype;
	part->parameters = parse_parameters(arena, rest);
	return true;
}

void
mime_parse_disposition(struct arena *arena, struct span value,
	struct mime_part *part)
{
	part->disposition = take_token(arena, &value);
	part->disposition_parameters = parse_parameters(arena, value);
	/* RFC 2183 2.8: what is not known is an attachment */
	if (part->disposition.size == 0 && part->disposition_parameters != NULL)
		part->disposition = SPAN("attachment");
}

struct span
mime_parameter_value(const struct mime_parameter *parameters, struct span name)
{
	struct span plain = { NULL, 0 };
	for (; parameters != NULL; parameters = parameters->next) {
		if (!span_equals_nocase(parameters->name, name))
			continue;
		if (parameters->is_extended)
			return parameters->value;
		if (plain.data == NULL)
			plain = parameters->value;
	}
	return plain;
}
