/*
 * For the fuzzers of `config import`: the input is files of fixed names, one after
 * the other with a line "---" between; no file is opened. The fuzzer defines `names`,
 * the first of which is what is imported, and check_settings. PIECES says how many.
 */
#ifndef IMPORT_WORLD_H
#define IMPORT_WORLD_H

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "ctl/import_config.h"
#include "fuzz.h"

enum { INPUT_LIMIT = 16384 };

static const char *const names[PIECES];
static struct span pieces[PIECES];

static int
check_settings(const char *const *settings, size_t count, struct error *error);

static int
read_file(const char *path, struct buffer *out, struct error *error)
{
	for (size_t i = 0; i < PIECES; i++) {
		if (strcmp(names[i], path) != 0)
			continue;
		buffer_add(out, pieces[i]);
		return 0;
	}
	return error_set(error, ERROR_GONE, "there is none");
}

/* A pattern is a name, or stands for all from the third on. */
static size_t
find_files(const char *pattern, struct arena *arena, const char ***paths)
{
	size_t count = 0;
	*paths = arena_new_array(arena, PIECES, sizeof(**paths));
	for (size_t i = 1; i < PIECES; i++)
		if (strcmp(pattern, names[i]) == 0 || (i > 1 &&
		    pattern[strlen(pattern) - 1] == '*'))
			(*paths)[count++] = names[i];
	return count;
}

static const struct import_world world = { read_file, find_files,
	check_settings };

static void
cut_pieces(const uint8_t *data, size_t size)
{
	static const struct span line = SPAN("---\n");
	struct span text = span_of(data, size < INPUT_LIMIT ? size :
		INPUT_LIMIT);
	for (size_t i = 0; i < PIECES; i++) {
		size_t end = span_search(text, line);
		pieces[i] = span_first(text, end);
		text = span_skip(text, end + line.size);
	}
}

static size_t
count_lines(struct span text)
{
	size_t count = 0;
	for (size_t i = 0; i < text.size; i++)
		count += text.data[i] == '\n';
	return count;
}

/* A line for each setting, and Posthouse starts with them. */
static void
check_result(const struct config_import *import)
{
	struct buffer out;
	struct error error;
	size_t settings = 0, rows = 0;
	const char **all;
	while (config_table[rows].name != NULL)
		rows++;
	all = memory_new_array(rows + 1, sizeof(*all));
	buffer_init(&out, 0);
	import_config_write(import, &out);
	for (size_t i = 0; i < rows; i++)
		if (import->value[i].setting != NULL)
			all[settings++] = import->value[i].setting;
	assert(count_lines(buffer_span(&out)) == settings + 1);
	assert(span_find(buffer_span(&out), '\0') == out.size);
	assert(check_settings(all, settings, &error) == 0);
	buffer_fini(&out);
	memory_free(all);
}

static void
try_import(const char *postfix, const char *dovecot, const char *bind)
{
	struct config_import import;
	struct error error = { .text = "" };
	import_config_init(&import, &world);
	if (import_config_read(&import, postfix, dovecot, bind, &error) == 0)
		check_result(&import);
	else
		assert(error.code != ERROR_NONE && error.text[0] != '\0');
	assert(count_lines(buffer_span(&import.report)) == import.others);
	import_config_fini(&import);
}

#endif
