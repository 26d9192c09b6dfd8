/*
 * dovecot.conf, what it includes, and the blocks in it (Dovecot 2.3 and 2.4) for
 * `posthouse config import`. Depth and number of files are bounded.
 */
#include <stdio.h>
#include <string.h>

#include "base/config_known.h"
#include "ctl/import_dovecot.h"

static int
fail(struct dovecot *dovecot, struct span found, const char *expected)
{
	return error_set(dovecot->error, ERROR_USAGE, "%s:%u: found \"%.*s\", "
		"expected %s", dovecot->place.file, dovecot->place.line,
		SPAN_PRINT(span_first(found, 80)), expected);
}

void
import_dovecot_say(struct dovecot *dovecot, struct span name, const char *text)
{
	import_say(dovecot->import, &dovecot->place, name, "%s", text);
}

/* The first word of the block at a depth. */
bool
import_dovecot_is_in(const struct dovecot *dovecot, size_t depth, const char *kind)
{
	struct span word, block;
	if (depth >= dovecot->depth)
		return false;
	block = dovecot->block[depth];
	return span_word(&block, &word) && span_equals(word, span_from(kind));
}

struct span
import_dovecot_label(const struct dovecot *dovecot, size_t depth)
{
	struct span word, block;
	if (depth >= dovecot->depth)
		return SPAN("");
	block = dovecot->block[depth];
	span_word(&block, &word);
	block = span_trim(block);
	return block.size >= 2 && block.data[0] == '"' ?
		span_skip(span_first(block, block.size - 1), 1) : block;
}

struct span
import_dovecot_full_name(struct dovecot *dovecot, struct span name)
{
	struct arena *arena = &dovecot->import->arena;
	struct span kind, block, label;
	if (dovecot->depth == 0)
		return name;
	block = dovecot->block[dovecot->depth - 1];
	label = import_dovecot_label(dovecot, dovecot->depth - 1);
	if (!span_word(&block, &kind))
		return name;
	const struct span tries[] = {
		arena_print(arena, "%.*s_%.*s_%.*s", SPAN_PRINT(kind),
			SPAN_PRINT(label), SPAN_PRINT(name)),
		arena_print(arena, "%.*s_%.*s", SPAN_PRINT(kind),
			SPAN_PRINT(name)),
	};
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
		if (config_known_find(tries[i], "Dovecot") != NULL)
			return tries[i];
	return name;
}

bool
import_dovecot_is_one_of(struct span word, const char *const *list)
{
	for (; *list != NULL; list++)
		if (span_equals_nocase(word, span_from(*list)))
			return true;
	return false;
}

/* ---- lines ---- */

static int
begin_block(struct dovecot *dovecot, struct span name)
{
	if (dovecot->depth == IMPORT_DEPTH)
		return fail(dovecot, name, "blocks that are less deep");
	dovecot->block[dovecot->depth++] = arena_copy(
		&dovecot->import->arena, name);
	if (dovecot->depth == 1) {
		/* its name is its driver too, from 2.4 on */
		dovecot->driver = import_dovecot_label(dovecot, 0);
		dovecot->args = dovecot->path = SPAN("");
		dovecot->is_narrow = false;
	}
	return 0;
}

static int
end_block(struct dovecot *dovecot)
{
	if (dovecot->depth == 0)
		return fail(dovecot, SPAN("}"), "no } outside of a block");
	if (dovecot->depth == 1 && import_dovecot_is_in(dovecot, 0, "passdb"))
		import_dovecot_end_passdb(dovecot, SPAN("passdb"));
	if (dovecot->depth == 1 && import_dovecot_is_in(dovecot, 0, "userdb"))
		import_dovecot_end_userdb(dovecot);
	dovecot->depth--;
	return 0;
}

static int
read_file(struct dovecot *dovecot, const char *path, unsigned depth);

/* Names with wildcards, as the shell sees them, in their order. */
static int
include(struct dovecot *dovecot, struct span pattern, bool is_optional,
	unsigned depth)
{
	struct arena *arena = &dovecot->import->arena;
	struct import_place place = dovecot->place;
	const char *slash = strrchr(place.file, '/');
	int directory = slash == NULL ? 0 : (int)(slash - place.file + 1);
	const char *path = span_starts(pattern, SPAN("/")) ?
		arena_copy_string(arena, pattern) : arena_print(arena,
		"%.*s%.*s", directory, place.file, SPAN_PRINT(pattern)).data;
	const char **found;
	int result = 0;
	if (depth == IMPORT_DEPTH)
		return fail(dovecot, pattern, "includes that are less deep");
	size_t count = dovecot->import->world->find(path, arena, &found);
	if (count == 0)
		return is_optional || strpbrk(path, "*?[") != NULL ? 0 :
			fail(dovecot, pattern, "a file that is there");
	for (size_t i = 0; i < count && result == 0; i++)
		result = read_file(dovecot, found[i], depth + 1);
	dovecot->place = place;
	return result;
}

/* Within " a backslash stands before a quote or another backslash. */
static struct span
unquote(struct dovecot *dovecot, struct span value)
{
	struct buffer text;
	if (value.size < 2 || (value.data[0] != '"' && value.data[0] != '\'') ||
		value.data[value.size - 1] != value.data[0])
		return value;
	bool has_escapes = value.data[0] == '"';
	value = span_skip(span_first(value, value.size - 1), 1);
	if (!has_escapes || span_find(value, '\\') == value.size)
		return value;
	buffer_init(&text, 0);
	for (size_t i = 0; i < value.size; i++) {
		i += value.data[i] == '\\' && i + 1 < value.size;
		buffer_add_byte(&text, value.data[i]);
	}
	value = arena_copy(&dovecot->import->arena, buffer_span(&text));
	buffer_fini(&text);
	return value;
}

/* From a "#" that begins a word on, outside of quotes, it is a comment. */
static struct span
cut_comment(struct span line)
{
	char quote = '\0';
	for (size_t i = 0; i < line.size; i++) {
		char c = line.data[i];
		if (quote == '"' && c == '\\')
			i++;
		else if (quote != '\0' ? c == quote : c == '"' || c == '\'')
			quote = quote != '\0' ? '\0' : c;
		else if (quote == '\0' && c == '#' && (i == 0 ||
			line.data[i - 1] == ' ' || line.data[i - 1] == '\t'))
			return span_first(line, i);
	}
	return line;
}

/* What the first word is decides: a value may have "{" in it, the name of a block
 * "=". */
static int
take_line(struct dovecot *dovecot, struct span line, unsigned depth)
{
	line = span_trim(cut_comment(line));
	struct span name = line, rest = line, word;
	if (!span_word(&rest, &word))
		return 0;
	name = span_first(word, span_find(word, '='));
	rest = span_trim(span_skip(line, name.size));
	if (name.size > 0 && span_starts(rest, SPAN("="))) {
		import_dovecot_take(dovecot, name,
			unquote(dovecot, span_trim(span_skip(rest, 1))));
		return 0;
	}
	if (span_equals(line, SPAN("}")))
		return end_block(dovecot);
	if (rest.size > 0 && span_equals(name, SPAN("!include_try")))
		return include(dovecot, rest, true, depth);
	if (rest.size > 0 && span_equals(name, SPAN("!include")))
		return include(dovecot, rest, false, depth);
	if (line.size > 1 && span_ends_nocase(line, SPAN("{")))
		return begin_block(dovecot, span_trim(span_first(line,
			line.size - 1)));
	return fail(dovecot, line, "name = value, or name {");
}

static int
take_text(struct dovecot *dovecot, struct buffer *text, unsigned depth)
{
	struct span line = buffer_span(text);
	int result = span_find(line, '\0') < line.size ?
		fail(dovecot, SPAN("a NUL"), "text") :
		take_line(dovecot, line, depth);
	buffer_clear(text);
	return result;
}

/* Of "name = <<END" (2.4): "END". The value goes on up to a line of that. */
static struct span
find_marker(struct span line)
{
	size_t at = span_search(line, SPAN("= <<"));
	if (at == line.size || span_find(line, '#') < at)
		return SPAN("");
	return span_trim(span_skip(line, at + 4));
}

/* Lines up to the marker are passed over. */
static int
pass_value(struct dovecot *dovecot, struct span marker, struct span *rest,
	unsigned *number)
{
	struct span line;
	while (span_split(rest, '\n', &line)) {
		++*number;
		if (++dovecot->lines > IMPORT_LINES_LIMIT)
			return fail(dovecot, marker, "fewer lines");
		if (span_equals(line, marker))
			return 0;
	}
	return fail(dovecot, marker, "a line of it at the end of the value");
}

/* "\" at the end of a line: the next goes on, with one blank between. */
static int
read_lines(struct dovecot *dovecot, struct span rest, unsigned depth)
{
	struct buffer text;
	struct span line;
	unsigned number = 0;
	int result = 0;
	buffer_init(&text, 0);
	while (result == 0 && span_split(&rest, '\n', &line)) {
		number++;
		if (++dovecot->lines > IMPORT_LINES_LIMIT || line.size +
			text.size > IMPORT_VALUE_LIMIT)
			result = fail(dovecot, span_first(line, 40),
				"fewer and shorter lines");
		if (text.size == 0)
			dovecot->place.line = number;
		bool continues = span_ends_nocase(line, SPAN("\\"));
		buffer_add(&text, span_trim(span_first(line, line.size -
			continues)));
		struct span marker = find_marker(buffer_span(&text));
		if (continues)
			buffer_add_byte(&text, ' ');
		else if (result == 0 && marker.size > 0)
			result = pass_value(dovecot, arena_copy(
				&dovecot->import->arena, marker), &rest,
				&number);
		if (!continues && result == 0)
			result = take_text(dovecot, &text, depth);
	}
	if (result == 0)
		result = take_text(dovecot, &text, depth);
	buffer_fini(&text);
	return result;
}

static int
read_file(struct dovecot *dovecot, const char *path, unsigned depth)
{
	struct buffer bytes;
	if (++dovecot->files > IMPORT_FILES)
		return fail(dovecot, span_from(path), "fewer files");
	buffer_init(&bytes, 0);
	int result = dovecot->import->world->read(path, &bytes,
		dovecot->error);
	size_t blocks = dovecot->depth;
	dovecot->place = (struct import_place){ path, 0 };
	if (result == 0)
		result = read_lines(dovecot, buffer_span(&bytes), depth);
	if (result == 0 && dovecot->depth != blocks)
		result = fail(dovecot, SPAN("the end"), "as many } as {");
	buffer_fini(&bytes);
	return result;
}

int
import_dovecot(struct config_import *import, const char *directory,
	struct error *error)
{
	struct dovecot dovecot = { .import = import, .error = error };
	buffer_init(&dovecot.protocols, 0);
	buffer_init(&dovecot.mechanisms, 0);
	int result = read_file(&dovecot, arena_print(&import->arena,
		"%s/dovecot.conf", directory).data, 0);
	if (result == 0) {
		import_dovecot_end_lists(&dovecot);
		import_dovecot_end_mail(&dovecot);
	}
	buffer_fini(&dovecot.mechanisms);
	buffer_fini(&dovecot.protocols);
	return result;
}
