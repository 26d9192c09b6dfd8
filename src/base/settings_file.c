/* See settings_file.h. */
#include "base/settings_file.h"

#include "base/buffer.h"

struct reading {
	struct span rest;
	const char *path;
	const char *const *names;
	unsigned line, first;	/* the one read last; where the setting began */
	struct error *error;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Is the next line one that continues the last? Comments and empty lines in
 * between do not end it. */
static bool
continues(const struct reading *reading)
{
	struct span line, rest = reading->rest;
	return span_split(&rest, '\n', &line) && line.size > 0 &&
		is_blank(line.data[0]);
}

static bool
is_nothing(struct span line)
{
	line = span_trim(line);
	return line.size == 0 || line.data[0] == '#';
}

/* The next setting in one piece; false at the end. */
static bool
next(struct reading *reading, struct buffer *out)
{
	struct span line;
	do {
		if (!span_split(&reading->rest, '\n', &line))
			return false;
		reading->line++;
	} while (is_nothing(line));
	reading->first = reading->line;
	buffer_clear(out);
	buffer_add(out, span_trim(line));
	while (continues(reading)) {
		span_split(&reading->rest, '\n', &line);
		reading->line++;
		if (is_nothing(line))
			continue;
		buffer_add_byte(out, ' ');
		buffer_add(out, span_trim(line));
	}
	return true;
}

static int
fail(const struct reading *reading, struct span found, const char *expected)
{
	return error_set(reading->error, ERROR_USAGE,
		"%s:%u: found \"%.*s\", expected %s", reading->path,
		reading->first, SPAN_PRINT(span_first(found, 80)), expected);
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
	struct reading reading = { .rest = text, .path = path,
		.names = names, .error = error };
	struct buffer line;
	int result = 0;
	for (size_t i = 0; names[i] != NULL; i++)
		values[i] = (struct span){ NULL, 0 };
	buffer_init(&line, 0);
	while (result == 0 && next(&reading, &line))
		result = take(&reading, buffer_span(&line), arena, values);
	buffer_fini(&line);
	return result;
}
