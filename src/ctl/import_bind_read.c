/*
 * The syntax of BIND's named.conf: statements that end with ";", blocks in braces,
 * comments of three kinds, and `include`. Depth, files and statements are bounded.
 */
#include "ctl/import_bind.h"

#include <string.h>

enum token { TOKEN_END, TOKEN_WORD, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_SEMICOLON };

struct reader {
	struct config_import *import;
	struct span rest;
	struct import_place place;
	const char *main;		/* relative includes begin beside it */
	enum token token;
	struct span text;		/* of the token */
	unsigned depth, files, statements;
	struct error *error;
};

static int
fail(struct reader *reader, struct span found, const char *expected)
{
	return error_set(reader->error, ERROR_USAGE, "%s:%u: found \"%.*s\", "
		"expected %s", reader->place.file, reader->place.line,
		SPAN_PRINT(span_first(found, 80)), expected);
}

/* ---- tokens ---- */

static void
skip(struct reader *reader, size_t size)
{
	struct span skipped = span_first(reader->rest, size);
	for (size_t i = 0; i < skipped.size; i++)
		reader->place.line += skipped.data[i] == '\n';
	reader->rest = span_skip(reader->rest, size);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* White space and comments: "#" and "//" to the end of the line, and C's. */
static int
skip_blanks(struct reader *reader)
{
	static const struct span end = SPAN("*/");
	while (reader->rest.size > 0) {
		struct span rest = reader->rest;
		if (is_blank(rest.data[0])) {
			skip(reader, 1);
		} else if (rest.data[0] == '#' || span_starts(rest,
			SPAN("//"))) {
			skip(reader, span_find(rest, '\n'));
		} else if (span_starts(rest, SPAN("/*"))) {
			size_t at = span_search(span_skip(rest, 2), end) + 2;
			if (at == rest.size)
				return fail(reader, SPAN("/*"), "*/");
			skip(reader, at + end.size);
		} else {
			break;
		}
	}
	return 0;
}

/* Between quotes a backslash takes what follows as it is. A line ends nowhere in them:
 * what is written out is one line for each setting. */
static int
read_quoted(struct reader *reader)
{
	struct buffer text;
	size_t at = 1;
	struct span rest = reader->rest;
	buffer_init(&text, 0);
	while (at < rest.size && rest.data[at] != '"' &&
		(unsigned char)rest.data[at] >= ' ') {
		at += rest.data[at] == '\\' && at + 1 < rest.size &&
			(unsigned char)rest.data[at + 1] >= ' ';
		buffer_add_byte(&text, rest.data[at++]);
	}
	reader->text = arena_copy(&reader->import->arena, buffer_span(&text));
	buffer_fini(&text);
	if (at == rest.size || rest.data[at] != '"')
		return fail(reader, span_first(rest, at < 40 ? at : 40),
			"a quote at the end");
	skip(reader, at + 1);
	return 0;
}

static bool
ends_word(struct span rest)
{
	return is_blank(rest.data[0]) || rest.data[0] == '\0' ||
		strchr("{};\"#", rest.data[0]) != NULL ||
		span_starts(rest, SPAN("//")) || span_starts(rest, SPAN("/*"));
}

static int
next_token(struct reader *reader)
{
	static const struct {
		char sign;
		enum token token;
	} signs[] = { { '{', TOKEN_OPEN }, { '}', TOKEN_CLOSE },
		{ ';', TOKEN_SEMICOLON } };
	size_t size = 0;
	if (skip_blanks(reader) < 0)
		return -1;
	struct span rest = reader->rest;
	reader->token = rest.size == 0 ? TOKEN_END : TOKEN_WORD;
	reader->text = rest.size == 0 ? SPAN("the end") : span_first(rest, 1);
	if (rest.size == 0)
		return 0;
	if (rest.data[0] == '\0')
		return fail(reader, SPAN("a NUL"), "text");
	if (rest.data[0] == '"')
		return read_quoted(reader);
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (rest.data[0] == signs[i].sign) {
			reader->token = signs[i].token;
			skip(reader, 1);
			return 0;
		}
	while (size < rest.size && !ends_word(span_skip(rest, size)))
		size++;
	reader->text = arena_copy(&reader->import->arena,
		span_first(rest, size));
	skip(reader, size);
	return 0;
}

/* ---- statements ---- */

static int
read_statements(struct reader *reader, enum token end,
	struct import_bind_statement ***tail);

static int
read_block(struct reader *reader, struct import_bind_statement *statement)
{
	struct import_bind_statement **tail = &statement->inner;
	while (*tail != NULL)
		tail = &(*tail)->next;
	statement->has_block = true;
	if (reader->depth == IMPORT_DEPTH)
		return fail(reader, SPAN("{"), "blocks that are less deep");
	reader->depth++;
	int result = read_statements(reader, TOKEN_CLOSE, &tail);
	reader->depth--;
	return result;
}

/* The rest of a statement, whose first token is there. */
static int
read_statement(struct reader *reader, struct import_bind_statement *statement)
{
	while (reader->token != TOKEN_SEMICOLON) {
		if (reader->token == TOKEN_OPEN) {
			if (read_block(reader, statement) < 0)
				return -1;
		} else if (reader->token != TOKEN_WORD) {
			return fail(reader, reader->token == TOKEN_CLOSE ?
				SPAN("}") : reader->text, "a semicolon");
		} else if (statement->words < BIND_WORDS) {
			statement->word[statement->words++] = reader->text;
		}
		if (next_token(reader) < 0)
			return -1;
	}
	return 0;
}

static int
read_one_file(struct reader *reader, const char *path,
	struct import_bind_statement ***tail)
{
	struct buffer bytes;
	struct span rest = reader->rest;
	struct import_place place = reader->place;
	if (++reader->files > IMPORT_FILES || reader->depth == IMPORT_DEPTH)
		return fail(reader, span_from(path),
			"fewer includes, and less deep ones");
	buffer_init(&bytes, 0);
	int result = reader->import->world->read(path, &bytes, reader->error);
	reader->depth++;
	reader->rest = buffer_span(&bytes);
	reader->place = (struct import_place){ path, 1 };
	if (result == 0)
		result = read_statements(reader, TOKEN_END, tail);
	reader->depth--;
	reader->rest = rest;
	reader->place = place;
	buffer_fini(&bytes);
	return result;
}

/* A path, or a pattern of the shell's. */
static int
include(struct reader *reader, struct span pattern,
	struct import_bind_statement ***tail)
{
	struct arena *arena = &reader->import->arena;
	const char *slash = strrchr(reader->main, '/');
	int directory = slash == NULL ? 0 : (int)(slash - reader->main + 1);
	const char *path = span_starts(pattern, SPAN("/")) ?
		arena_copy_string(arena, pattern) : arena_print(arena,
		"%.*s%.*s", directory, reader->main, SPAN_PRINT(pattern)).data;
	const char **found;
	int result = 0;
	size_t count = reader->import->world->find(path, arena, &found);
	if (count == 0 && strpbrk(path, "*?[") == NULL)
		return fail(reader, pattern, "a file that is there");
	for (size_t i = 0; i < count && result == 0; i++)
		result = read_one_file(reader, found[i], tail);
	return result;
}

/* Up to the end that is given, which a file or a block has. */
static int
read_statements(struct reader *reader, enum token end,
	struct import_bind_statement ***tail)
{
	while (true) {
		if (next_token(reader) < 0)
			return -1;
		if (reader->token == end)
			return 0;
		if (reader->token == TOKEN_SEMICOLON)
			continue;
		if (reader->token == TOKEN_CLOSE || reader->token == TOKEN_END)
			return fail(reader, reader->token == TOKEN_CLOSE ?
				SPAN("}") : reader->text, end == TOKEN_END ?
				"a statement" : "a statement, or }");
		if (++reader->statements > BIND_STATEMENTS)
			return fail(reader, reader->text, "fewer statements");
		struct import_bind_statement *statement = arena_new_array(
			&reader->import->arena, 1, sizeof(*statement));
		*statement = (struct import_bind_statement){
			.place = reader->place };
		for (size_t i = 0; i < BIND_WORDS; i++)
			statement->word[i] = SPAN("");
		if (read_statement(reader, statement) < 0)
			return -1;
		if (span_equals(statement->word[0], SPAN("include")) &&
		    statement->words == 2) {
			if (include(reader, statement->word[1], tail) < 0)
				return -1;
			continue;
		}
		**tail = statement;
		*tail = &statement->next;
	}
}

int
import_bind_read(struct config_import *import, const char *path,
	struct import_bind_statement **first, struct error *error)
{
	struct reader reader = { .import = import, .main = path, .place = {
		path, 0 }, .error = error };
	struct import_bind_statement **tail = first;
	*first = NULL;
	return read_one_file(&reader, path, &tail);
}
