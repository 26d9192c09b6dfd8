/* Tables in memory; table.h. */
#include "relay/table.h"

#include "base/file.h"
#include "base/logical_lines.h"
#include "base/map.h"
#include "base/memory.h"

struct table {
	struct arena arena;
	struct map rows;	/* key in lower case -> struct span */
};

static struct span
lower(struct arena *arena, struct span text)
{
	char *out = arena_new(arena, text.size);
	for (size_t i = 0; i < text.size; i++)
		out[i] = span_lower_byte(text.data[i]);
	return span_of(out, text.size);
}

static int
add_row(struct table *table, struct span row, const char *name, unsigned line,
	struct error *error)
{
	struct span key;
	span_word(&row, &key);
	struct span value = span_trim(row);
	if (value.size == 0)
		return error_set(error, ERROR_USAGE,
			"%s line %u: found \"%.*s\" without a value", name,
			line, SPAN_PRINT(key));
	struct span *kept = arena_new(&table->arena, sizeof(*kept));
	*kept = arena_copy(&table->arena, value);
	map_put(&table->rows, lower(&table->arena, key), kept);
	return 0;
}

static int
read_rows(struct table *table, struct span text, const char *name,
	struct error *error)
{
	struct logical_lines lines;
	struct span row;
	int result = 0;
	logical_lines_init(&lines, text);
	while (result == 0 && logical_lines_next(&lines, &row))
		result = lines.is_orphan ? error_set(error, ERROR_USAGE,
			"%s line %u: found no key", name, lines.line) :
			add_row(table, row, name, lines.line, error);
	logical_lines_fini(&lines);
	return result;
}

struct table *
table_read(int fd, const char *name, struct error *error)
{
	struct table *new = memory_new(sizeof(*new));
	struct buffer text;
	arena_init(&new->arena, 0);
	map_init(&new->rows);
	buffer_init(&text, 0);
	int result = fd < 0 ? 0 : file_read_descriptor(fd, TABLE_LIMIT, &text,
		error);
	if (result == 0)
		result = read_rows(new, buffer_span(&text), name, error);
	else
		error_wrap(error, "%s", name);
	buffer_fini(&text);
	if (result < 0)
		table_free(&new);
	return new;
}

void
table_free(struct table **table)
{
	if (*table == NULL)
		return;
	map_fini(&(*table)->rows);
	arena_fini(&(*table)->arena);
	memory_free(*table);
	*table = NULL;
}

bool
table_check(const struct table *table, bool (*passes)(struct span value),
	struct span *bad)
{
	size_t cursor = 0;
	struct span key;
	void *value;
	while (map_next(&table->rows, &cursor, &key, &value)) {
		*bad = *(const struct span *)value;
		if (!passes(*bad))
			return false;
	}
	return true;
}

bool
table_find(const struct table *table, struct span key, bool with_parents,
	struct span *value)
{
	struct arena arena;
	if (map_count(&table->rows) == 0)
		return false;
	arena_init(&arena, 0);
	struct span rest = lower(&arena, key);
	const struct span *found = map_get(&table->rows, rest);
	/* ".example.org" stands for what is below it. */
	while (found == NULL && with_parents && rest.size > 0 &&
		rest.data[0] != '[') {
		size_t dot = 1 + span_find(span_skip(rest, 1), '.');
		rest = span_skip(rest, dot);
		found = map_get(&table->rows, rest);
	}
	if (found != NULL)
		*value = *found;
	arena_fini(&arena);
	return found != NULL;
}
