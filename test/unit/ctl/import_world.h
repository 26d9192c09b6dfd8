/*
 * For tests of `config import`: files are a table of the test's own, nothing is
 * opened; a sample is a file's text and what must become of it. The test defines
 * `files` and check_settings.
 */
#ifndef IMPORT_WORLD_H
#define IMPORT_WORLD_H

#include <fnmatch.h>
#include <string.h>

#include "ctl/import_config.h"

enum { FILES = 16 };

/* Name, the file's text, the settings of the result, the report. */
struct sample {
	const char *name, *text, *result, *report;
};

struct named_file {
	const char *path, *text;
};

/* The first is the one that a sample is about. Rows without a path are none. */
static struct named_file files[FILES];

/* The last word on the settings of a result. */
static int
check_settings(const char *const *settings, size_t count, struct error *error);

static int
read_file(const char *path, struct buffer *out, struct error *error)
{
	for (size_t i = 0; i < FILES && files[i].path != NULL; i++) {
		if (strcmp(files[i].path, path) != 0)
			continue;
		buffer_add_string(out, files[i].text);
		return 0;
	}
	return error_set(error, ERROR_GONE, "opening %s: it is not there",
		path);
}

static size_t
find_files(const char *pattern, struct arena *arena, const char ***paths)
{
	size_t count = 0;
	*paths = arena_new_array(arena, FILES, sizeof(**paths));
	for (size_t i = 0; i < FILES && files[i].path != NULL; i++)
		if (fnmatch(pattern, files[i].path, FNM_PATHNAME) == 0)
			(*paths)[count++] = files[i].path;
	return count;
}

static const struct import_world world = { read_file, find_files,
	check_settings };

static const char *
result_of(const struct config_import *import, struct buffer *out)
{
	buffer_clear(out);
	import_config_write(import, out);
	return strchr(buffer_string(out), '\n') + 1;
}

static int
fail_later(const struct sample *sample, const char *what, const char *text)
{
	print_error("%s: the %s is\n%s", sample->name, what, text);
	return 1;
}

/* How many texts are not what they must be. */
static int
run(const struct sample *sample, const char *postfix, const char *dovecot,
	const char *bind)
{
	struct config_import import;
	struct error error;
	struct buffer out;
	int wrong = 0;
	files[0].text = sample->text;
	import_config_init(&import, &world);
	buffer_init(&out, 0);
	if (import_config_read(&import, postfix, dovecot, bind, &error) < 0)
		fail_msg("%s: %s", sample->name, error.text);
	if (strcmp(result_of(&import, &out), sample->result) != 0)
		wrong += fail_later(sample, "result",
			result_of(&import, &out));
	if (strcmp(buffer_string(&import.report), sample->report) != 0)
		wrong += fail_later(sample, "report",
			buffer_string(&import.report));
	buffer_fini(&out);
	import_config_fini(&import);
	return wrong;
}

#endif
