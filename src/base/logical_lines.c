/* See logical_lines.h. */
#include "base/logical_lines.h"

void
logical_lines_init(struct logical_lines *lines, struct span text)
{
	*lines = (struct logical_lines){ .rest = text };
	buffer_init(&lines->text, 0);
}

void
logical_lines_fini(struct logical_lines *lines)
{
	buffer_fini(&lines->text);
}

static void
add(struct logical_lines *lines, struct span trimmed, bool continues)
{
	if (lines->text.size == 0) {
		lines->line = lines->number;
		lines->is_orphan = continues;
	} else {
		buffer_add_byte(&lines->text, ' ');
	}
	buffer_add(&lines->text, trimmed);
}

bool
logical_lines_next(struct logical_lines *lines, struct span *text)
{
	struct span line, before = lines->rest;
	buffer_clear(&lines->text);
	while (span_split(&lines->rest, '\n', &line)) {
		struct span trimmed = span_trim(line);
		bool is_nothing = trimmed.size == 0 || trimmed.data[0] == '#';
		bool continues = line.size > 0 && (line.data[0] == ' ' ||
			line.data[0] == '\t');
		if (!is_nothing && !continues && lines->text.size > 0) {
			lines->rest = before;
			break;
		}
		lines->number++;
		if (!is_nothing)
			add(lines, trimmed, continues);
		before = lines->rest;
	}
	*text = buffer_span(&lines->text);
	return text->size > 0;
}
