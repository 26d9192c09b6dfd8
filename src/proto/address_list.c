/*
 * Addresses of a header field, completed where they stand. See address_list.h.
 */
#include "proto/address_list.h"

#include <stdbool.h>

/* The place in a value, and the address that is being looked at. */
struct scan {
	struct span value, domain;
	size_t at;
	size_t copied;		/* into the buffer */
	size_t words;		/* of the address, outside <> */
	size_t word_end;	/* of the last */
	bool is_in_word, has_at, has_angle;
};

static void
begin_address(struct scan *scan)
{
	scan->words = 0;
	scan->is_in_word = scan->has_at = scan->has_angle = false;
}

static void
add_domain(struct scan *scan, size_t end, struct buffer *out)
{
	buffer_add(out, span_of(scan->value.data + scan->copied,
		end - scan->copied));
	buffer_add_byte(out, '@');
	buffer_add(out, scan->domain);
	scan->copied = end;
}

/* A comma, a semicolon, or the end. */
static void
end_address(struct scan *scan, struct buffer *out)
{
	if (scan->words == 1 && !scan->has_at && !scan->has_angle)
		add_domain(scan, scan->word_end, out);
	begin_address(scan);
}

/* Behind a quoted string that begins here, or behind the value. */
static size_t
quoted_end(struct span value, size_t at)
{
	for (at++; at < value.size && value.data[at] != '"'; at++)
		if (value.data[at] == '\\')
			at++;
	return at < value.size ? at + 1 : value.size;
}

/* Comments are in each other (RFC 5322 3.2.2). */
static size_t
comment_end(struct span value, size_t at)
{
	size_t depth = 0;
	for (; at < value.size; at++) {
		if (value.data[at] == '\\')
			at++;
		else if (value.data[at] == '(')
			depth++;
		else if (value.data[at] == ')' && --depth == 0)
			return at + 1;
	}
	return value.size;
}

/* <root> becomes <root@domain>; <>, and what is not closed, stays. */
static void
take_angle(struct scan *scan, struct buffer *out)
{
	struct span value = scan->value;
	size_t at = scan->at + 1, end = at;
	bool has_at = false;
	scan->has_angle = true;
	while (at < value.size && value.data[at] != '>') {
		char c = value.data[at];
		size_t next = c == '"' ? quoted_end(value, at) :
			c == '(' ? comment_end(value, at) : at + 1;
		has_at |= c == '@';
		if (c != ' ' && c != '\t' && c != '\r' && c != '\n' && c != '(')
			end = next;
		at = next;
	}
	if (at < value.size && !has_at && end > scan->at + 1)
		add_domain(scan, end, out);
	scan->at = at < value.size ? at + 1 : value.size;
}

static void
take_word(struct scan *scan, size_t end)
{
	if (!scan->is_in_word)
		scan->words++;
	scan->is_in_word = true;
	scan->word_end = scan->at = end;
}

static void
take_one(struct scan *scan, struct buffer *out)
{
	char c = scan->value.data[scan->at];
	switch (c) {
	case '"':
		take_word(scan, quoted_end(scan->value, scan->at));
		/* without an end nothing can stand behind it */
		scan->has_at |= scan->value.data[scan->at - 1] != '"';
		return;
	case '(':
		scan->is_in_word = false;
		scan->at = comment_end(scan->value, scan->at);
		return;
	case '<':
		take_angle(scan, out);
		return;
	case ',':
	case ';':
		end_address(scan, out);
		break;
	case ':':		/* the name of a group */
		begin_address(scan);
		break;
	case ' ':
	case '\t':
	case '\r':
	case '\n':
		scan->is_in_word = false;
		break;
	default:
		scan->has_at |= c == '@';
		take_word(scan, scan->at + 1);
		return;
	}
	scan->at++;
}

void
address_list_complete(struct span value, struct span domain,
	struct buffer *out)
{
	struct scan scan = { .value = value, .domain = domain };
	while (scan.at < value.size)
		take_one(&scan, out);
	end_address(&scan, out);
	buffer_add(out, span_skip(value, scan.copied));
}
