/*
 * The fields of a header block (RFC 5322 2.2, 4.5): cutting them off and
 * unfolding their values. Any process that looks at a message uses this.
 */
#include "proto/mime.h"

/* The line at the front with its end; everything when there is no end. */
static struct span
line_of(struct span rest)
{
	size_t end = span_find(rest, '\n');
	return span_first(rest, end + 1);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* RFC 5322 3.6.8 ftext up to the colon; blanks before it are obsolete (4.5). */
static bool
split_line(struct span line, struct mime_field *field)
{
	size_t n = 0;
	while (n < line.size && line.data[n] > ' ' && line.data[n] < 0x7f &&
	    line.data[n] != ':')
		n++;
	field->name = span_first(line, n);
	while (n < line.size && is_blank(line.data[n]))
		n++;
	if (field->name.size == 0 || n == line.size || line.data[n] != ':')
		return false;
	field->value = span_skip(line, n + 1);
	return true;
}

static size_t
size_without_line_end(struct span s)
{
	size_t n = s.size;
	if (n > 0 && s.data[n - 1] == '\n')
		n--;
	if (n > 0 && n < s.size && s.data[n - 1] == '\r')
		n--;
	return n;
}

bool
mime_next_field(struct span *rest, struct mime_field *field)
{
	while (rest->size > 0) {
		struct span whole = line_of(*rest);
		if (size_without_line_end(whole) == 0)
			return false;
		bool is_field = split_line(whole, field);
		struct span after = span_skip(*rest, whole.size);
		while (after.size > 0 && is_blank(after.data[0])) {
			size_t more = line_of(after).size;
			whole.size += more;
			after = span_skip(after, more);
		}
		*rest = after;
		if (!is_field)
			continue;
		field->whole = whole;
		size_t before = (size_t)(field->value.data - whole.data);
		field->value.size = size_without_line_end(whole) - before;
		return true;
	}
	return false;
}

struct span
mime_unfold(struct arena *arena, struct span value)
{
	value = span_trim(value);
	char *text = arena_new(arena, value.size + 1);
	size_t n = 0;
	for (size_t i = 0; i < value.size; i++) {
		char c = value.data[i];
		/* NUL stands in no string of IMAP (RFC 9051 4.3) */
		if (c != '\r' && c != '\n' && c != '\0')
			text[n++] = c;
	}
	while (n > 0 && is_blank(text[n - 1]))
		n--;
	return span_of(text, n);
}

void
mime_skip_between(struct span *rest)
{
	size_t depth = 0, i = 0;
	for (; i < rest->size; i++) {
		char c = rest->data[i];
		if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (c == '\\' && depth > 0)
			i++;
		else if (depth == 0 && c != ' ' && c != '\t' && c != '\r' &&
		    c != '\n')
			break;
	}
	*rest = span_skip(*rest, i);
}
