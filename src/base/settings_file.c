/* See settings_file.h. */
#include "base/settings_file.h"

#include "base/logical_lines.h"

struct reading {
	const char *path;
	const char *const *names;
	struct logical_lines lines;
	struct error *error;
};

static int
fail(const struct reading *reading, struct span found, const char *expected)
{
	return error_set(reading->error, ERROR_USAGE,
		"%s:%u: found \"%.*s\", expected %s", reading->path,
		reading->lines.line, SPAN_PRINT(span_first(found, 80)), expected);
}

static int
fail_name(const struct reading *reading, struct span name)
{
	struct buffer list;
	buffer_init(&list, 0);
	for (size_t i = 0; reading->names[i] != NULL; i++)
		buffer_print(&list, "%s%s", i == 0 ? "one of " : ", ",
			reading->names[i]);
	fail(reading, name, buffer_string(&list));
	buffer_fini(&list);
	return -1;
}

static int
take(struct reading *reading, struct span text, struct arena *arena,
	struct span *values)
{
	size_t at = span_find(text, '='), i = 0;
	struct span name = span_trim(span_first(text, at));
	if (at == text.size)
		return fail(reading, text, "name = value");
	struct span value = span_trim(span_skip(text, at + 1));
	while (reading->names[i] != NULL &&
		!span_equals(name, span_from(reading->names[i])))
		i++;
	if (reading->names[i] == NULL)
		return fail_name(reading, name);
	if (values[i].data != NULL)
		return fail(reading, name, "it once");
	if (value.size > SETTINGS_VALUE_LIMIT ||
		span_find(value, '\0') < value.size)
		return fail(reading, name, "a value of at most 16384 bytes, "
			"without NUL");
	values[i] = span_of(arena_copy_string(arena, value), value.size);
	return 0;
}

int
settings_file_parse(struct span text, const char *path,
	const char *const *names, struct arena *arena, struct span *values,
	struct error *error)
{
	struct reading reading = { .path = path, .names = names,
		.error = error };
	struct span line;
	int result = 0;
	for (size_t i = 0; names[i] != NULL; i++)
		values[i] = (struct span){ NULL, 0 };
	logical_lines_init(&reading.lines, text);
	while (result == 0 && logical_lines_next(&reading.lines, &line))
		result = take(&reading, line, arena, values);
	logical_lines_fini(&reading.lines);
	return result;
}
