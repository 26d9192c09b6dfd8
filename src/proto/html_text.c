/* HTML mail as plain text; see html_text.h. */
#include "proto/html_text.h"

#include "base/utf8.h"

enum { LINK_LIMIT = 2000 };

struct writer {
	struct buffer *out;
	size_t start;		/* of this text in out */
	unsigned ends;		/* line ends at its end; 2 at the beginning */
	bool has_blank;		/* a blank waits for the next word */
	struct span link;	/* of the <a> that is open */
	size_t link_start;	/* of its text in out */
	unsigned pre;		/* depth of <pre> */
};

/* ---- output ---- */

static void
add_character(struct writer *writer, uint32_t c)
{
	if (writer->has_blank && writer->ends == 0)
		buffer_add_byte(writer->out, ' ');
	writer->has_blank = false;
	writer->ends = 0;
	utf8_encode(writer->out, c);
}

/* So many line ends, less those that are there. */
static void
end_line(struct writer *writer, unsigned count)
{
	writer->has_blank = false;
	for (; writer->ends < count; writer->ends++)
		buffer_add_byte(writer->out, '\n');
}

static void
add_text_character(struct writer *writer, uint32_t c)
{
	bool is_blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
	if (is_blank && writer->pre > 0) {
		if (c == '\n')
			buffer_add_byte(writer->out, '\n');
		else if (c != '\r')
			buffer_add_byte(writer->out, ' ');
		writer->ends = c == '\n' ? writer->ends + 1 : 0;
	} else if (is_blank) {
		writer->has_blank = true;
	} else {
		add_character(writer, c);
	}
}

/* ---- entities ---- */

static const struct {
	const char *name;
	uint32_t character;
} entities[] = {
	{ "amp", '&' }, { "lt", '<' }, { "gt", '>' }, { "quot", '"' },
	{ "apos", '\'' }, { "nbsp", 0xa0 }, { "copy", 0xa9 }, { "reg", 0xae },
	{ "trade", 0x2122 }, { "hellip", 0x2026 }, { "mdash", 0x2014 },
	{ "ndash", 0x2013 }, { "lsquo", 0x2018 }, { "rsquo", 0x2019 },
	{ "ldquo", 0x201c }, { "rdquo", 0x201d }, { "bull", 0x2022 },
	{ "middot", 0xb7 }, { "laquo", 0xab }, { "raquo", 0xbb },
	{ "euro", 0x20ac }, { "pound", 0xa3 }, { "yen", 0xa5 },
	{ "deg", 0xb0 }, { "times", 0xd7 }, { "auml", 0xe4 },
	{ "ouml", 0xf6 }, { "uuml", 0xfc }, { "Auml", 0xc4 },
	{ "Ouml", 0xd6 }, { "Uuml", 0xdc }, { "szlig", 0xdf },
	{ "eacute", 0xe9 }, { "egrave", 0xe8 }, { "agrave", 0xe0 },
	{ "ccedil", 0xe7 }, { "shy", 0xad }, { "zwnj", 0x200c },
};

static bool
find_number(struct span digits, uint32_t *character)
{
	uint64_t number;
	bool is_hex = digits.size > 1 &&
		(digits.data[0] == 'x' || digits.data[0] == 'X');
	if (is_hex ? digits.size > 8 || !span_to_hex_number(span_skip(digits, 1),
	    &number) : !span_to_number(digits, 0x10ffff, &number))
		return false;
	if (number == 0 || number > 0x10ffff ||
	    (number >= 0xd800 && number < 0xe000))
		number = 0xfffd;
	*character = (uint32_t)number;
	return true;
}

/* "&name;" at the front: its size, or 0 when it is none. */
static size_t
take_entity(struct span text, uint32_t *character)
{
	size_t end = span_find(span_first(text, 12), ';');
	if (end == 12 || end >= text.size || end < 2)
		return 0;
	struct span name = span_of(text.data + 1, end - 1);
	if (name.data[0] == '#')
		return find_number(span_skip(name, 1), character) ? end + 1 : 0;
	for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
		if (!span_equals(name, span_from(entities[i].name)))
			continue;
		*character = entities[i].character;
		return end + 1;
	}
	return 0;
}

static void
add_text(struct writer *writer, struct span text)
{
	uint32_t c;
	while (text.size > 0) {
		size_t size = text.data[0] == '&' ? take_entity(text, &c) : 0;
		if (size > 0) {
			/* A blank that is not broken is a blank here. */
			if (c == 0xa0)
				writer->has_blank = true;
			else if (c != 0xad && c != 0x200c)
				add_character(writer, c);
		} else {
			size = utf8_decode(text, &c);
			add_text_character(writer, size > 0 ? c : 0xfffd);
			size = size > 0 ? size : 1;
		}
		text = span_skip(text, size);
	}
}

/* ---- elements ---- */

enum effect { NO_EFFECT, NEW_LINE, NEW_PARAGRAPH, NOT_SHOWN, ITEM, CELL, LINK, PRE };

static const struct {
	const char *name;
	enum effect effect;
} elements[] = {
	{ "br", NEW_LINE }, { "p", NEW_PARAGRAPH }, { "div", NEW_LINE },
	{ "tr", NEW_LINE }, { "table", NEW_LINE }, { "ul", NEW_LINE },
	{ "ol", NEW_LINE }, { "li", ITEM }, { "td", CELL }, { "th", CELL },
	{ "h1", NEW_PARAGRAPH }, { "h2", NEW_PARAGRAPH },
	{ "h3", NEW_PARAGRAPH }, { "h4", NEW_PARAGRAPH },
	{ "blockquote", NEW_PARAGRAPH }, { "hr", NEW_PARAGRAPH },
	{ "section", NEW_LINE }, { "header", NEW_LINE }, { "footer", NEW_LINE },
	{ "pre", PRE }, { "a", LINK }, { "script", NOT_SHOWN },
	{ "style", NOT_SHOWN }, { "title", NOT_SHOWN }, { "head", NO_EFFECT },
};

static enum effect
effect_of(struct span name)
{
	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
		if (span_equals_nocase(name, span_from(elements[i].name)))
			return elements[i].effect;
	return NO_EFFECT;
}

/* The value of href, which is all that matters here. */
static struct span
find_href(struct span tag)
{
	for (; tag.size > 5; tag = span_skip(tag, 1)) {
		if (!span_starts_nocase(tag, SPAN("href=")))
			continue;
		struct span value = span_skip(tag, 5);
		char quote = value.data[0];
		if (quote != '"' && quote != '\'')
			return span_first(value, span_find(value, ' '));
		value = span_skip(value, 1);
		return span_first(value, span_find(value, quote));
	}
	return SPAN("");
}

static void
begin_link(struct writer *writer, struct span tag)
{
	writer->link = find_href(tag);
	writer->link_start = writer->out->size;
}

static void
end_link(struct writer *writer)
{
	struct span shown = span_trim(span_skip(buffer_span(writer->out),
		writer->link_start));
	struct span link = writer->link;
	writer->link = SPAN("");
	if (link.size == 0 || link.size > LINK_LIMIT || link.data[0] == '#' ||
	    span_equals(shown, link) ||
	    span_starts_nocase(link, SPAN("mailto:")))
		return;
	writer->has_blank |= shown.size > 0;
	add_character(writer, '<');
	add_text(writer, link);
	add_character(writer, '>');
}

static void
apply(struct writer *writer, enum effect effect, struct span tag, bool is_end)
{
	switch (effect) {
	case NEW_LINE:
		end_line(writer, 1);
		/* A <br> behind a line end is an empty line. */
		if (span_equals_nocase(span_first(tag, 2), SPAN("br")) &&
		    !is_end && writer->ends == 1 && writer->has_blank)
			end_line(writer, 2);
		break;
	case NEW_PARAGRAPH:
		end_line(writer, 2);
		break;
	case ITEM:
		end_line(writer, 1);
		if (!is_end) {
			add_text(writer, SPAN("* "));
			writer->has_blank = true;
		}
		break;
	case CELL:
		writer->has_blank = true;
		break;
	case PRE:
		end_line(writer, 1);
		writer->pre = is_end ? 0 : 1;
		break;
	case LINK:
		if (is_end)
			end_link(writer);
		else
			begin_link(writer, tag);
		break;
	case NOT_SHOWN:
	case NO_EFFECT:
		break;
	}
}

/* Where the tag ends: a ">" outside quotes. */
static size_t
find_tag_end(struct span text)
{
	char quote = 0;
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		if (quote != 0)
			quote = c == quote ? 0 : quote;
		else if (c == '>')
			return i;
		else if ((c == '"' || c == '\'') && text.data[i - 1] == '=')
			quote = c;
	}
	/* A quote that is not closed: the next ">" is as good. */
	return span_find(text, '>');
}

/* What a script or style holds, up to and with its end tag. */
static struct span
skip_element(struct span rest, struct span name)
{
	while (rest.size > 0) {
		rest = span_skip(rest, span_search(rest, SPAN("</")));
		if (span_starts_nocase(span_skip(rest, 2), name))
			break;
		rest = span_skip(rest, 2);
	}
	return span_skip(rest, span_find(rest, '>') + 1);
}

/* A tag at the front ("<..."); what is behind it. */
static struct span
take_tag(struct writer *writer, struct span rest)
{
	if (span_starts(rest, SPAN("<!--"))) {
		size_t end = span_search(rest, SPAN("-->"));
		return span_skip(rest, end + 3);
	}
	size_t end = find_tag_end(rest);
	struct span tag = span_skip(span_first(rest, end), 1);
	rest = span_skip(rest, end + 1);
	bool is_end = tag.size > 0 && tag.data[0] == '/';
	tag = is_end ? span_skip(tag, 1) : tag;
	size_t size = 0;
	while (size < tag.size && tag.data[size] != ' ' &&
	    tag.data[size] != '/' && tag.data[size] != '\t' &&
	    tag.data[size] != '\r' && tag.data[size] != '\n')
		size++;
	struct span name = span_first(tag, size);
	enum effect effect = effect_of(name);
	if (effect == NOT_SHOWN && !is_end)
		return skip_element(rest, name);
	apply(writer, effect, tag, is_end);
	return rest;
}

void
html_text_add(struct buffer *out, struct span html)
{
	struct writer writer = { .out = out, .start = out->size, .ends = 2 };
	while (html.size > 0) {
		size_t end = span_find(html, '<');
		add_text(&writer, span_first(html, end));
		html = span_skip(html, end);
		/* "<" before a blank or a digit is no tag. */
		if (html.size > 1 && (html.data[1] == ' ' ||
		    (html.data[1] >= '0' && html.data[1] <= '9'))) {
			add_character(&writer, '<');
			html = span_skip(html, 1);
		} else if (html.size > 0) {
			html = take_tag(&writer, html);
		}
	}
	if (writer.out->size > writer.start)
		end_line(&writer, 1);
}
