/*
 * Lists of addresses in headers: RFC 5322 3.4 with the obsolete syntax of 4.4,
 * taken apart as ENVELOPE shows them (RFC 9051 7.5.2). Every byte is looked at
 * once; what is not an address stays readable as a name or a mailbox.
 */
#include "proto/mime.h"

struct list {
	struct arena *arena;
	struct span rest;
	struct mime_address *first, **end;
	bool in_group;
	/* of the address being read */
	struct buffer words;	/* as they stood, one blank between them */
	size_t last_word;	/* where the last of them begins */
	bool is_glued;		/* the next word goes on where this one ended */
	struct buffer comment;	/* the first one */
	bool has_comment, has_words;
};

static struct mime_address *
add_row(struct list *list)
{
	struct mime_address *row = arena_new(list->arena, sizeof(*row));
	*list->end = row;
	list->end = &row->next;
	return row;
}

static struct span
keep(struct list *list, const struct buffer *text)
{
	return arena_copy(list->arena, span_trim(buffer_span(text)));
}

static void
forget(struct list *list)
{
	buffer_clear(&list->words);
	buffer_clear(&list->comment);
	list->last_word = 0;
	list->has_comment = list->has_words = list->is_glued = false;
}

/* ---- tokens ---- */

static char
peek(const struct list *list)
{
	return list->rest.size > 0 ? list->rest.data[0] : '\0';
}

static void
skip(struct list *list)
{
	list->rest = span_skip(list->rest, 1);
}

/* RFC 5322 3.2.2: comments nest. */
static void
take_comment(struct list *list)
{
	size_t depth = 0;
	bool keeps = !list->has_comment;
	do {
		char c = peek(list);
		skip(list);
		if (c == '(' && depth++ == 0)
			continue;
		if (c == ')' && --depth == 0)
			break;
		if (c == '\\' && list->rest.size > 0) {
			c = peek(list);
			skip(list);
		}
		if (keeps)
			buffer_add_byte(&list->comment, c);
	} while (list->rest.size > 0);
	list->has_comment = true;
}

static bool
is_blank(char c)
{
	return c >= 0 && c <= ' ';
}

/* Blanks and comments; true when there were any. */
static bool
skip_between(struct list *list)
{
	size_t before = list->rest.size;
	while (list->rest.size > 0 && (is_blank(peek(list)) ||
	    peek(list) == '('))
		if (peek(list) == '(')
			take_comment(list);
		else
			skip(list);
	return list->rest.size < before;
}

/* After the opening quote; a missing closing one is at the end. */
static void
take_quoted(struct list *list, struct buffer *out)
{
	while (list->rest.size > 0 && peek(list) != '"') {
		if (peek(list) == '\\' && list->rest.size > 1)
			skip(list);
		buffer_add_byte(out, peek(list));
		skip(list);
	}
	skip(list);
}

static bool
ends_word(char c)
{
	return is_blank(c) || c == '(' || c == '"' || c == '<' || c == '>' ||
		c == '@' || c == ',' || c == ';' || c == ':';
}

static void
take_atom(struct list *list, struct buffer *out)
{
	size_t n = 0;
	while (n < list->rest.size && !ends_word(list->rest.data[n]))
		n++;
	buffer_add(out, span_first(list->rest, n));
	list->rest = span_skip(list->rest, n);
}

/*
 * The next word of a phrase, or of a local part whose dots stand alone (RFC
 * 5322 4.4 obs-local-part, "john . doe").
 */
static void
take_word(struct list *list)
{
	bool dot = peek(list) == '.';
	bool glued = list->is_glued || dot;
	size_t before = list->words.size;
	if (list->words.size > 0 && !glued)
		buffer_add_byte(&list->words, ' ');
	if (!glued)
		list->last_word = list->words.size;
	if (peek(list) == '"') {
		skip(list);
		take_quoted(list, &list->words);
	} else {
		take_atom(list, &list->words);
	}
	list->has_words = true;
	bool lone_dot = dot && list->words.size == before + 1;
	list->is_glued = !skip_between(list) || lone_dot;
}

/* ---- addresses ---- */

/* After "@": atoms, dots and literals, without the blanks between them. */
static struct span
take_domain(struct list *list, struct buffer *out)
{
	buffer_clear(out);
	skip_between(list);
	if (peek(list) == '[') {
		while (list->rest.size > 0 && peek(list) != ']') {
			if (!is_blank(peek(list)))
				buffer_add_byte(out, peek(list));
			skip(list);
		}
		if (list->rest.size > 0)
			buffer_add_byte(out, ']');
		skip(list);
		skip_between(list);
		return keep(list, out);
	}
	size_t before;
	do {
		before = list->rest.size;
		take_atom(list, out);
		bool dot = out->size > 0 && out->data[out->size - 1] == '.';
		bool blanks = skip_between(list);
		if (blanks && !dot && peek(list) != '.')
			break;
	} while (list->rest.size < before);
	return keep(list, out);
}

/* "@one,@two:" of RFC 5322 4.4 obs-route. */
static struct span
take_route(struct list *list)
{
	struct buffer route;
	buffer_init(&route, 0);
	while (list->rest.size > 0 && peek(list) != ':' && peek(list) != '>') {
		if (!is_blank(peek(list)))
			buffer_add_byte(&route, peek(list));
		skip(list);
	}
	struct span found = keep(list, &route);
	buffer_fini(&route);
	if (peek(list) == ':')
		skip(list);
	return found;
}

/* The host of an address without one; NIL would mean a group. */
static const struct span NOTHING = { "", 0 };

/* After "<"; what was read before is the name. */
static void
take_angle(struct list *list)
{
	struct mime_address *row = add_row(list);
	struct buffer local, domain;
	buffer_init(&local, 0);
	buffer_init(&domain, 0);
	if (list->words.size > 0)
		row->name = keep(list, &list->words);
	row->host = NOTHING;
	skip_between(list);
	if (peek(list) == '@')
		row->route = take_route(list);
	skip_between(list);
	while (list->rest.size > 0 && peek(list) != '>') {
		char c = peek(list);
		if (c == '@') {
			if (row->host.size > 0) {	/* "a@b@c": the last */
				buffer_add_byte(&local, '@');
				buffer_add(&local, row->host);
			}
			skip(list);
			row->host = take_domain(list, &domain);
		} else if (row->host.size > 0) {
			if (c == ',')	/* the closing bracket is missing */
				break;
			skip(list);
		} else if (c == '"') {
			skip(list);
			take_quoted(list, &local);
		} else {
			buffer_add_byte(&local, c);
			skip(list);
		}
		skip_between(list);
	}
	if (peek(list) == '>')
		skip(list);
	row->mailbox = keep(list, &local);
	buffer_fini(&local);
	buffer_fini(&domain);
	/* a comment names somebody who has no other name */
	skip_between(list);
	if (row->name.data == NULL && list->has_comment)
		row->name = keep(list, &list->comment);
	forget(list);
}

/* At "@": the last word is the local part, what stands before it a name. */
static void
take_bare(struct list *list)
{
	struct buffer domain;
	buffer_init(&domain, 0);
	struct span words = buffer_span(&list->words);
	struct span local = span_skip(words, list->last_word);
	skip(list);
	struct span host = take_domain(list, &domain);
	buffer_fini(&domain);
	if (peek(list) == '<' || peek(list) == '@') {
		/* an address where the name should be: part of a phrase */
		buffer_add_byte(&list->words, '@');
		buffer_add(&list->words, host);
		return;
	}
	struct mime_address *row = add_row(list);
	struct span name = span_trim(span_first(words, list->last_word));
	if (name.size > 0)
		row->name = arena_copy(list->arena, name);
	else if (list->has_comment)
		row->name = keep(list, &list->comment);
	row->mailbox = arena_copy(list->arena, local);
	row->host = host;
	forget(list);
}

/* Words that ended without address. */
static void
take_words(struct list *list)
{
	if (list->has_words) {
		struct mime_address *row = add_row(list);
		row->mailbox = keep(list, &list->words);
		row->host = NOTHING;
		if (list->has_comment)
			row->name = keep(list, &list->comment);
	}
	forget(list);
}

static void
begin_group(struct list *list)
{
	add_row(list)->name = keep(list, &list->words);
	list->in_group = true;
	forget(list);
}

static void
end_group(struct list *list)
{
	take_words(list);
	if (list->in_group)
		add_row(list);
	list->in_group = false;
}

struct mime_address *
mime_parse_addresses(struct arena *arena, struct span value)
{
	struct list list = { .arena = arena, .rest = value };
	list.end = &list.first;
	buffer_init(&list.words, 0);
	buffer_init(&list.comment, 0);
	skip_between(&list);
	while (list.rest.size > 0) {
		char c = peek(&list);
		if (c == '<') {
			skip(&list);
			take_angle(&list);
		} else if (c == '@' && list.has_words) {
			take_bare(&list);
		} else if (c == ':' && list.has_words && !list.in_group) {
			skip(&list);
			begin_group(&list);
		} else if (c == ',' || c == ';') {
			skip(&list);
			if (c == ',')
				take_words(&list);
			else
				end_group(&list);
		} else if (c == ':' || c == '>' || c == '@') {
			skip(&list);	/* means nothing here */
		} else {
			take_word(&list);
			continue;
		}
		skip_between(&list);
	}
	end_group(&list);
	buffer_fini(&list.words);
	buffer_fini(&list.comment);
	return list.first;
}
