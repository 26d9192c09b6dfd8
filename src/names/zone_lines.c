/* See zone_lines.h. */
#include "names/zone_lines.h"

/* What is open where a line ends. */
struct layout {
	unsigned brackets;
	bool is_quoted;
};

void
zone_lines_init(struct zone_lines *lines, struct span text)
{
	/* Some editors begin UTF-8 with a mark that is no part of the text. */
	if (span_starts(text, SPAN("\xef\xbb\xbf")))
		text = span_skip(text, 3);
	*lines = (struct zone_lines){ .rest = text, .next = 1 };
	buffer_init(&lines->text, 0);
}

void
zone_lines_fini(struct zone_lines *lines)
{
	buffer_fini(&lines->text);
}

/* One character; false: the rest of the line is a comment. */
static bool
take(struct zone_lines *lines, struct layout *layout, char c)
{
	if (c == '"')
		layout->is_quoted = !layout->is_quoted;
	if (layout->is_quoted || (c != '(' && c != ')' && c != ';')) {
		buffer_add_byte(&lines->text, c);
		return true;
	}
	if (c == ';')
		return false;
	if (c == ')' && layout->brackets == 0)
		lines->expected = "a ( before the )";
	else
		layout->brackets += c == '(' ? 1 : -1U;
	buffer_add_byte(&lines->text, ' ');
	return true;
}

static void
take_line(struct zone_lines *lines, struct layout *layout, struct span line)
{
	if (line.size > 0 && line.data[line.size - 1] == '\r')
		line.size--;
	for (size_t i = 0; i < line.size && lines->expected == NULL; i++) {
		if (line.data[i] == '\0') {
			lines->expected = "text, without octets of zero";
		} else if (line.data[i] == '\\') {
			buffer_add(&lines->text, span_first(span_skip(line, i),
				2));
			i++;
		} else if (!take(lines, layout, line.data[i])) {
			break;
		}
	}
	if (layout->is_quoted && lines->expected == NULL)
		lines->expected = "a quotation mark at the end of what is "
			"quoted, in the same line";
	if (layout->brackets > 0)
		buffer_add_byte(&lines->text, ' ');
}

bool
zone_lines_next(struct zone_lines *lines)
{
	struct layout layout = { 0 };
	struct span line;
	buffer_clear(&lines->text);
	while (lines->expected == NULL &&
	    span_split(&lines->rest, '\n', &line)) {
		if (lines->text.size == 0) {
			lines->began = lines->next;
			lines->found = line;
		}
		lines->next++;
		take_line(lines, &layout, line);
		if (layout.brackets > 0)
			continue;
		if (span_trim(buffer_span(&lines->text)).size > 0)
			return lines->expected == NULL;
		buffer_clear(&lines->text);
	}
	if (layout.brackets > 0 && lines->expected == NULL)
		lines->expected = "a ) after the (";
	return false;
}
