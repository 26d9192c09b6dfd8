/*
 * `config import` of texts of any bytes: main.cf, master.cf, dovecot.conf and the
 * files that they name, in this order, with a line "---" between. No file is opened.
 * What comes out has a line for each setting, and Posthouse starts with it.
 */
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "ctl/import_config.h"
#include "fuzz.h"

enum { PIECES = 10, INPUT_LIMIT = 16384 };

static struct span pieces[PIECES];

/* ---- the world: pieces[i], from the third on by a digit ---- */

static const char *const names[PIECES] = { "m/main.cf", "m/master.cf",
	"d/dovecot.conf", "/3", "/4", "/5", "d/6", "d/7", "d/8", "d/9" };

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
	for (size_t i = 2; i < PIECES; i++)
		if (strcmp(pattern, names[i]) == 0 ||
		    strcmp(pattern, "d/*") == 0)
			(*paths)[count++] = names[i];
	return count;
}

/* As far as no file is asked for: a list may name one. */
static int
check_settings(const char *const *settings, size_t count, struct error *error)
{
	struct config *config = NULL;
	const char **plain = memory_new_array(count + 1, sizeof(*plain));
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		if (strpbrk(settings[i], "/$") == NULL)
			plain[kept++] = settings[i];
	int result = config_load(NULL, plain, kept, &config, error);
	config_free(&config);
	memory_free(plain);
	return result;
}

static const struct import_world world = { read_file, find_files,
	check_settings };

/* ---- what holds for all ---- */

static void
cut_pieces(struct span text)
{
	static const struct span line = SPAN("---\n");
	for (size_t i = 0; i < PIECES; i++) {
		size_t size = span_search(text, line);
		pieces[i] = span_first(text, size);
		text = span_skip(text, size + line.size);
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

static void
check_result(const struct config_import *import)
{
	struct buffer out;
	size_t settings = 0;
	buffer_init(&out, 0);
	import_config_write(import, &out);
	for (size_t i = 0; config_table[i].name != NULL; i++)
		settings += import->value[i].setting != NULL;
	assert(count_lines(buffer_span(&out)) == settings + 1);
	assert(span_find(buffer_span(&out), '\0') == out.size);
	buffer_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_import import;
	struct error error = { .text = "" };
	cut_pieces(span_of(data, size < INPUT_LIMIT ? size : INPUT_LIMIT));
	import_config_init(&import, &world);
	if (import_config_read(&import, "m", "d", NULL, &error) == 0)
		check_result(&import);
	else
		assert(error.code != ERROR_NONE && error.text[0] != '\0');
	assert(count_lines(buffer_span(&import.report)) == import.others);
	import_config_fini(&import);
	return 0;
}
