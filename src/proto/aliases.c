/* See aliases.h. Parses bytes in memory; opens nothing and runs nothing. */
#include "proto/aliases.h"

#include <string.h>

#include "proto/address.h"

void
aliases_init(struct alias_parser *parser, const char *file, struct span text)
{
	*parser = (struct alias_parser){ .rest = text, .file = file,
		.line = 1 };
}

/* ---- logical lines ---- */

/* A logical line while it is taken apart. Lines are joined with their LF, so
 * that the number of the one at hand is known. */
struct scan {
	const struct alias_parser *parser;
	struct arena *arena;
	struct error *error;
	struct span rest;
	unsigned line;
	struct alias_entry *entry;
};

static int
fail(const struct scan *scan, struct span found, const char *expected)
{
	return error_set(scan->error, ERROR_USAGE,
		"%s:%u: found \"%.*s\", expected %s", scan->parser->file,
		scan->line, SPAN_PRINT(span_first(found, 60)), expected);
}

static bool
is_comment(struct span line)
{
	struct span text = span_trim(line);
	return text.size == 0 || text.data[0] == '#';
}

static bool
is_continued(struct span line)
{
	return line.size > 0 && (line.data[0] == ' ' || line.data[0] == '\t');
}

/* The next line of the file, without its LF. */
static bool
take_line(struct alias_parser *parser, struct span *line)
{
	if (parser->rest.size == 0)
		return false;
	size_t end = span_find(parser->rest, '\n');
	*line = span_first(parser->rest, end);
	parser->rest = span_skip(parser->rest, end + 1);
	parser->line++;
	return true;
}

/*
 * The next logical line: from the first line with text to the last that
 * continues it. It is a span of the file; comments in between stay in it and
 * are passed over by skip_blanks.
 */
static bool
take_logical(struct alias_parser *parser, struct span *logical,
	unsigned *number)
{
	struct span line;
	do {
		*number = parser->line;
		if (!take_line(parser, &line))
			return false;
	} while (is_comment(line));
	const char *begin = line.data, *end = line.data + line.size;
	struct alias_parser ahead = *parser;
	while (take_line(&ahead, &line)) {
		if (is_comment(line))
			continue;
		if (!is_continued(line))
			break;
		end = line.data + line.size;
		*parser = ahead;
	}
	*logical = span_of(begin, (size_t)(end - begin));
	return true;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* To the next byte that means something, over lines and comments. */
static void
skip_blanks(struct scan *scan)
{
	while (scan->rest.size > 0) {
		char c = scan->rest.data[0];
		if (!is_blank(c) && c != '\n')
			return;
		scan->rest = span_skip(scan->rest, 1);
		if (c != '\n')
			continue;
		scan->line++;
		size_t end = span_find(scan->rest, '\n');
		if (is_comment(span_first(scan->rest, end)))
			scan->rest = span_skip(scan->rest, end);
	}
}

/* ---- words ---- */

/* A quoted string off the front; \ takes the next byte as it is. */
static int
take_quoted(struct scan *scan, struct span *out)
{
	struct span whole = scan->rest;
	char *text = arena_new(scan->arena, whole.size);
	size_t size = 0, i = 1;
	for (; i < whole.size && whole.data[i] != '"' &&
		whole.data[i] != '\n'; i++) {
		if (whole.data[i] == '\\' && i + 1 < whole.size &&
			whole.data[i + 1] != '\n')
			i++;
		text[size++] = whole.data[i];
	}
	if (i == whole.size || whole.data[i] != '"')
		return fail(scan, span_first(whole, span_find(whole, '\n')),
			"a second quote on this line");
	*out = span_of(text, size);
	scan->rest = span_skip(whole, i + 1);
	return 0;
}

static bool
has_control(struct span text)
{
	for (size_t i = 0; i < text.size; i++)
		if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
			return true;
	return false;
}

static int
take_name(struct scan *scan, struct span *name)
{
	static const char expected[] = "a name and a colon (\"name: target\")";
	struct span text;
	if (scan->rest.data[0] == '"') {
		if (take_quoted(scan, &text) < 0)
			return -1;
	} else {
		size_t end = 0;
		while (end < scan->rest.size && scan->rest.data[end] != ':' &&
			scan->rest.data[end] != '\n' &&
			!is_blank(scan->rest.data[end]))
			end++;
		text = span_first(scan->rest, end);
		scan->rest = span_skip(scan->rest, end);
	}
	while (scan->rest.size > 0 && is_blank(scan->rest.data[0]))
		scan->rest = span_skip(scan->rest, 1);
	if (text.size == 0 || scan->rest.size == 0 ||
		scan->rest.data[0] != ':')
		return fail(scan, text.size > 0 ? text : scan->rest, expected);
	if (text.size > ADDRESS_LOCAL_LIMIT || has_control(text) ||
		span_find(text, '@') < text.size)
		return fail(scan, text, "a name without a domain, of at most "
			"128 bytes");
	char *lower = arena_copy_string(scan->arena, text);
	for (size_t i = 0; i < text.size; i++)
		lower[i] = span_lower_byte(lower[i]);
	*name = span_of(lower, text.size);
	scan->rest = span_skip(scan->rest, 1);
	return 0;
}

/* Up to the comma or the end of the line, quotes passed over whole. */
static int
take_plain(struct scan *scan, struct span *out)
{
	bool is_quoted = false;
	size_t end = 0;
	for (; end < scan->rest.size && scan->rest.data[end] != '\n'; end++) {
		char c = scan->rest.data[end];
		if (c == '"')
			is_quoted = !is_quoted;
		else if (c == ',' && !is_quoted)
			break;
	}
	*out = span_trim(span_first(scan->rest, end));
	if (is_quoted)
		return fail(scan, *out, "a second quote on this line");
	scan->rest = span_skip(scan->rest, end);
	return 0;
}

/* |"program word" is written as often as "|program word". */
static struct span
without_quotes(struct span text)
{
	if (text.size >= 2 && text.data[0] == '"' &&
		span_find(span_skip(text, 1), '"') == text.size - 2)
		return span_first(span_skip(text, 1), text.size - 2);
	return text;
}

/* "Name <user@domain>" is the address alone. */
static struct span
within_angles(struct span text)
{
	size_t open = span_find(text, '<');
	if (open < text.size && text.data[text.size - 1] == '>')
		return span_first(span_skip(text, open + 1),
			text.size - open - 2);
	return text;
}

static int
judge_address(struct scan *scan, struct alias_target *target)
{
	struct address address;
	target->text = within_angles(target->text);
	if (address_parse(target->text, scan->arena, &address) != ADDRESS_OK)
		return fail(scan, target->text, "an address, |program, /file, "
			":include:/file or \\user, and commas between them "
			"(a comment needs a line of its own)");
	return 0;
}

/* What a word, its quotes taken off, stands for. */
static int
judge(struct scan *scan, struct span text, struct alias_target *target)
{
	const struct span include = SPAN(":include:");
	target->line = scan->line;
	target->text = text;
	if (text.size > ALIASES_TEXT_LIMIT || has_control(text))
		return fail(scan, text, "a target of at most 1024 bytes, "
			"without control characters");
	if (span_starts(text, SPAN("|"))) {
		target->kind = ALIAS_PROGRAM;
		target->text = without_quotes(span_trim(span_skip(text, 1)));
		if (target->text.size == 0)
			return fail(scan, text, "a program after the bar");
	} else if (span_starts(text, SPAN("/"))) {
		target->kind = ALIAS_FILE;
	} else if (span_starts_nocase(text, include)) {
		target->kind = ALIAS_INCLUDE;
		target->text = without_quotes(span_trim(span_skip(text,
			include.size)));
		if (!span_starts(target->text, SPAN("/")))
			return fail(scan, text, ":include:/file with a path "
				"from the root");
	} else if (span_starts(text, SPAN("\\"))) {
		target->kind = ALIAS_USER;
		target->text = span_skip(text, 1);
		return judge_address(scan, target);
	} else {
		target->kind = ALIAS_ADDRESS;
		return judge_address(scan, target);
	}
	return 0;
}

/* One target: "in quotes", or plain; "john doe"@domain is an address. */
static int
take_target(struct scan *scan, struct alias_target *target)
{
	struct span text;
	struct scan before = *scan;
	if (scan->rest.data[0] != '"')
		return take_plain(scan, &text) < 0 ? -1 :
			judge(scan, text, target);
	if (take_quoted(scan, &text) < 0)
		return -1;
	while (scan->rest.size > 0 && is_blank(scan->rest.data[0]))
		scan->rest = span_skip(scan->rest, 1);
	bool is_whole = scan->rest.size == 0 || scan->rest.data[0] == ',' ||
		scan->rest.data[0] == '\n';
	if (is_whole && text.size > 0 &&
		strchr("|/:\\", text.data[0]) != NULL)
		return judge(scan, text, target);
	*scan = before;
	return take_plain(scan, &text) < 0 ? -1 : judge(scan, text, target);
}

/* ---- entries ---- */

static int
add_target(struct scan *scan, const struct alias_target *target)
{
	struct alias_entry *entry = scan->entry;
	if (entry->count == ALIASES_TARGET_LIMIT)
		return fail(scan, target->text, "at most 1000 targets");
	if (entry->count == 0 || (entry->count >= 4 &&
		(entry->count & (entry->count - 1)) == 0)) {
		struct alias_target *more = arena_new_array(scan->arena,
			entry->count == 0 ? 4 : entry->count * 2,
			sizeof(*more));
		if (entry->count > 0)
			memcpy(more, entry->target,
				entry->count * sizeof(*more));
		entry->target = more;
	}
	entry->target[entry->count++] = *target;
	return 0;
}

/* Commas may also stand at the end, and twice. */
static int
take_targets(struct scan *scan)
{
	bool is_separated = true;
	for (skip_blanks(scan); scan->rest.size > 0; skip_blanks(scan)) {
		struct alias_target target;
		if (scan->rest.data[0] == ',') {
			scan->rest = span_skip(scan->rest, 1);
			is_separated = true;
			continue;
		}
		if (!is_separated)
			return fail(scan, span_first(scan->rest,
				span_find(scan->rest, '\n')),
				"a comma before it");
		if (take_target(scan, &target) < 0 ||
			add_target(scan, &target) < 0)
			return -1;
		is_separated = false;
	}
	return 0;
}

/* 1: scan stands at the next logical line; 0: there is none. */
static int
begin(struct alias_parser *parser, struct scan *scan)
{
	*scan->entry = (struct alias_entry){ .line = 0 };
	if (!take_logical(parser, &scan->rest, &scan->line))
		return 0;
	scan->entry->line = scan->line;
	if (scan->rest.size > ALIASES_LINE_LIMIT)
		return fail(scan, scan->rest, "a line of at most 256 KiB");
	return 1;
}

int
aliases_next(struct alias_parser *parser, struct arena *arena,
	struct alias_entry *entry, struct error *error)
{
	struct scan scan = { .parser = parser, .arena = arena, .error = error,
		.entry = entry };
	int found = begin(parser, &scan);
	if (found <= 0)
		return found;
	if (is_continued(scan.rest))
		return fail(&scan, span_trim(scan.rest), "a name at the "
			"beginning of the line: there is none to continue");
	if (take_name(&scan, &entry->name) < 0)
		return -1;
	entry->value_size = span_trim(scan.rest).size;
	if (take_targets(&scan) < 0)
		return -1;
	if (entry->count == 0)
		return fail(&scan, entry->name, "a target after the colon");
	return 1;
}

int
aliases_next_included(struct alias_parser *parser, struct arena *arena,
	struct alias_entry *entry, struct error *error)
{
	struct scan scan = { .parser = parser, .arena = arena, .error = error,
		.entry = entry };
	int found = begin(parser, &scan);
	if (found <= 0)
		return found;
	return take_targets(&scan) < 0 ? -1 : 1;
}
