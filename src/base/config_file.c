/*
 * The syntax of posthouse.conf: `name = value`; a line that begins with white
 * space continues the last; `#` begins a comment line.
 */
#include "base/config_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/config_known.h"
#include "base/file.h"
#include "base/logical_lines.h"

static bool
warn_if_known(struct config *config, const char *file, unsigned line,
	struct span name)
{
	const struct config_known *known = config_known_find(name, NULL);
	if (known == NULL)
		return false;
	if (config->warning_count < CONFIG_WARNING_LIMIT)
		config->warning[config->warning_count++] =
			arena_print(&config->arena, "%s:%u: %.*s is a parameter "
				"of %s that is not used here: %s", file, line,
				SPAN_PRINT(name), known->owner,
				known->instead).data;
	return true;
}

static int
set_value(struct config *config, const char *file, unsigned line,
	struct span text, struct error *error)
{
	char place[300];
	size_t equals = span_find(text, '=');
	struct span name = span_trim(span_first(text, equals));
	snprintf(place, sizeof(place), line > 0 ? "%s:%u: " : "%s: ", file,
		line);
	if (equals == text.size || name.size == 0)
		return error_set(error, ERROR_USAGE, "%sfound \"%.*s\", "
			"expected name = value", place,
			SPAN_PRINT(span_first(text, 80)));
	if (span_find(text, '\0') < text.size)
		return error_set(error, ERROR_USAGE,
			"%sfound a NUL byte, expected text", place);
	const struct config_parameter *parameter = config_find_parameter(name);
	if (parameter == NULL && warn_if_known(config, file, line, name))
		return 0;
	if (parameter == NULL)
		return error_set(error, ERROR_USAGE, "%sfound \"%.*s\", "
			"expected the name of a parameter (see `posthouse "
			"config -h`)", place, SPAN_PRINT(span_first(name, 80)));
	struct config_value *value = &config->value[parameter - config_table];
	value->raw = arena_copy_string(&config->arena,
		span_trim(span_skip(text, equals + 1)));
	value->file = file;
	value->line = line;
	value->is_changed = true;
	return 0;
}

static int
read_lines(struct config *config, const char *file, struct span all,
	struct error *error)
{
	struct logical_lines lines;
	struct span text;
	int result = 0;
	logical_lines_init(&lines, all);
	while (result == 0 && logical_lines_next(&lines, &text))
		result = lines.is_orphan ? error_set(error, ERROR_USAGE,
			"%s:%u: found white space at the beginning, expected "
			"name = value", file, lines.line) :
			set_value(config, file, lines.line, text, error);
	logical_lines_fini(&lines);
	return result;
}

static int
read_file(struct config *config, const char *path, struct error *error)
{
	struct buffer bytes;
	buffer_init(&bytes, 0);
	int result = file_read_whole(AT_FDCWD, path, CONFIG_FILE_LIMIT, &bytes,
		error);
	if (result == 0)
		result = read_lines(config, arena_copy_string(&config->arena,
			span_from(path)), buffer_span(&bytes), error);
	buffer_fini(&bytes);
	return result;
}

int
config_load(const char *path, const char *const *overrides, size_t count,
	struct config **config, struct error *error)
{
	struct config *fresh = config_new();
	int result = path == NULL ? 0 : read_file(fresh, path, error);
	for (size_t i = 0; i < count && result == 0; i++)
		result = set_value(fresh, "command line", 0,
			span_from(overrides[i]), error);
	if (result == 0)
		result = config_finish(fresh, error);
	if (result < 0)
		config_free(&fresh);
	*config = fresh;
	return result;
}
