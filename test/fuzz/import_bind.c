/*
 * `config import --bind` of texts of any bytes: named.conf and the files that it
 * includes, in this order, with a line "---" between. No file is opened. What comes out
 * has a line for each setting, and Posthouse starts with it.
 */
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "ctl/import_config.h"
#include "fuzz.h"

enum { PIECES = 5, INPUT_LIMIT = 16384 };

static struct span pieces[PIECES];

static const char *const names[PIECES] = { "b/named.conf", "/1", "/2", "b/3",
	"b/4" };

/* ---- the world: pieces[i] ---- */

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

static size_t
find_files(const char *pattern, struct arena *arena, const char ***paths)
{
	size_t count = 0;
	*paths = arena_new_array(arena, PIECES, sizeof(**paths));
	for (size_t i = 1; i < PIECES; i++)
		if (strcmp(pattern, names[i]) == 0 ||
		    strcmp(pattern, "b/*") == 0)
			(*paths)[count++] = names[i];
	return count;
}

/* Settings of the DNS open no file. */
static int
check_settings(const char *const *settings, size_t count, struct error *error)
{
	struct config *config = NULL;
	int result = config_load(NULL, settings, count, &config, error);
	config_free(&config);
	return result;
}

static const struct import_world world = { read_file, find_files,
	check_settings };

/* ---- what holds for all ---- */

static size_t
count_lines(struct span text)
{
	size_t count = 0;
	for (size_t i = 0; i < text.size; i++)
		count += text.data[i] == '\n';
	return count;
}

static void
check_result(const struct config_import *import)
{
	struct buffer out;
	struct error error;
	size_t settings = 0;
	const char **all = memory_new_array(200, sizeof(*all));
	buffer_init(&out, 0);
	import_config_write(import, &out);
	for (size_t i = 0; config_table[i].name != NULL; i++)
		if (import->value[i].setting != NULL)
			all[settings++] = import->value[i].setting;
	assert(count_lines(buffer_span(&out)) == settings + 1);
	assert(span_find(buffer_span(&out), '\0') == out.size);
	assert(check_settings(all, settings, &error) == 0);
	buffer_fini(&out);
	memory_free(all);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct span line = SPAN("---\n");
	struct config_import import;
	struct error error = { .text = "" };
	struct span text = span_of(data, size < INPUT_LIMIT ? size :
		INPUT_LIMIT);
	for (size_t i = 0; i < PIECES; i++) {
		size_t end = span_search(text, line);
		pieces[i] = span_first(text, end);
		text = span_skip(text, end + line.size);
	}
	import_config_init(&import, &world);
	if (import_config_read(&import, NULL, NULL, "b/named.conf", &error) == 0)
		check_result(&import);
	else
		assert(error.code != ERROR_NONE && error.text[0] != '\0');
	import_config_fini(&import);
	return 0;
}
