/* See virtual.h. */
#include "auth/virtual.h"

#include "auth/virtual_pattern.h"
#include "base/logical_lines.h"
#include "base/map.h"
#include "base/memory.h"

enum { IF_DEPTH = 32 };			/* blocks in each other */

/* A line of a table of patterns. `if` has no result, and where the block ends:
 * the lines up to there are passed over when it does not match. */
struct rule {
	struct pattern *pattern;
	bool is_if;
	size_t end;
};

/* In the order of the parameter: either keys or patterns. */
struct table {
	bool has_patterns;
	struct map keys;		/* lower case -> struct span */
	struct rule *rule;
	size_t count, room;
	struct table *next;
};

struct virtual_tables {
	struct arena arena;
	struct table *first, **end;
	size_t pattern_count;
};

/* ---- reading ---- */

/* Where a line of a table stands, and what it is added to. */
struct place {
	struct virtual_tables *tables;
	struct table *table;
	const char *path;
	unsigned line;
	struct error *error;
	size_t open[IF_DEPTH];		/* blocks that have not ended: rules */
	unsigned open_line[IF_DEPTH], depth;
};

static int
fail(struct place *place, struct span found, const char *expected)
{
	return error_set(place->error, ERROR_USAGE, "%s:%u: found \"%.*s\", "
		"expected %s", place->path, place->line,
		SPAN_PRINT(span_first(found, 80)), expected);
}

static int
add_pattern(struct place *place, struct span text, struct span result)
{
	struct table *table = place->table;
	if (place->tables->pattern_count++ == VIRTUAL_PATTERNS)
		return error_set(place->error, ERROR_USAGE, "%s:%u: found more "
			"than %d patterns, expected fewer", place->path,
			place->line, VIRTUAL_PATTERNS);
	if (table->count == table->room) {
		table->room = table->room == 0 ? 16 : table->room * 2;
		table->rule = memory_resize(table->rule,
			table->room * sizeof(*table->rule));
	}
	struct rule *rule = &table->rule[table->count];
	*rule = (struct rule){ .pattern = NULL };
	if (pattern_new(text, result, &rule->pattern, place->error) < 0)
		return error_wrap(place->error, "%s:%u", place->path,
			place->line);
	table->count++;
	return 0;
}

/* ---- if and endif (regexp_table(5), pcre_table(5)) ---- */

/* The word that a line begins with, when it is one: patterns begin with what
 * no word has. */
static bool
begins_with_word(struct span line, struct span word, struct span *rest)
{
	if (!span_starts_nocase(line, word))
		return false;
	*rest = span_skip(line, word.size);
	char next = rest->size > 0 ? span_lower_byte(rest->data[0]) : ' ';
	return !(next >= 'a' && next <= 'z') && !(next >= '0' && next <= '9');
}

static int
begin_if(struct place *place, struct span condition)
{
	if (place->depth == IF_DEPTH)
		return fail(place, SPAN("if"), "at most 32 within each other");
	if (add_pattern(place, condition, SPAN("")) < 0)
		return -1;
	struct table *table = place->table;
	table->rule[table->count - 1].is_if = true;
	place->open[place->depth] = table->count - 1;
	place->open_line[place->depth++] = place->line;
	return 0;
}

static int
end_if(struct place *place, struct span rest)
{
	if (rest.size > 0)
		return fail(place, rest, "nothing behind endif");
	if (place->depth == 0)
		return fail(place, SPAN("endif"), "an if before it");
	struct table *table = place->table;
	table->rule[place->open[--place->depth]].end = table->count;
	return 0;
}

/* An `if` without end: its own line says more than the last one. */
static int
check_blocks(struct place *place)
{
	if (place->depth == 0)
		return 0;
	place->line = place->open_line[place->depth - 1];
	return fail(place, SPAN("if"), "an endif that ends it");
}

/* A pattern may have blanks in it: it ends behind its second delimiter. */
static size_t
key_end(const struct table *table, struct span line)
{
	size_t i = 0;
	if (table->has_patterns) {
		i = span_starts(line, SPAN("!"));
		char delimiter = i < line.size ? line.data[i] : '\0';
		for (i++; i < line.size && line.data[i] != delimiter; i++)
			i += line.data[i] == '\\';
	}
	while (i < line.size && line.data[i] != ' ' && line.data[i] != '\t')
		i++;
	return i < line.size ? i : line.size;
}

static int
add_line(struct place *place, struct span line)
{
	struct arena *arena = &place->tables->arena;
	struct span rest;
	line = arena_copy(arena, line);
	if (place->table->has_patterns &&
		begins_with_word(line, SPAN("if"), &rest))
		return begin_if(place, span_trim(rest));
	if (place->table->has_patterns &&
		begins_with_word(line, SPAN("endif"), &rest))
		return end_if(place, span_trim(rest));
	size_t end = key_end(place->table, line);
	struct span key = span_first(line, end);
	struct span value = span_trim(span_skip(line, end));
	if (value.size == 0)
		return error_set(place->error, ERROR_USAGE, "%s:%u: found "
			"\"%.*s\" alone, expected a key and where its mail "
			"goes", place->path, place->line,
			SPAN_PRINT(span_first(line, 80)));
	if (place->table->has_patterns)
		return add_pattern(place, key, value);
	struct span *stored = arena_new(arena, sizeof(*stored));
	*stored = value;
	/* the first of a key counts, as in postmap(1) */
	key = arena_copy_lower(arena, key);
	if (map_get(&place->table->keys, key) == NULL)
		map_put(&place->table->keys, key, stored);
	return 0;
}

static int
read_table(struct place *place, struct span text)
{
	struct logical_lines lines;
	struct span line;
	int result = 0;
	logical_lines_init(&lines, text);
	while (result == 0 && logical_lines_next(&lines, &line)) {
		place->line = lines.line;
		result = add_line(place, line);
	}
	if (result == 0)
		result = check_blocks(place);
	logical_lines_fini(&lines);
	return result;
}

static bool
knows_type(struct span type, bool *has_patterns)
{
	static const char *const texts[] = { "texthash", "hash", "btree",
		"lmdb", "cdb", "dbm" };
	*has_patterns = span_equals(type, SPAN("regexp")) ||
		span_equals(type, SPAN("pcre"));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (span_equals(type, span_from(texts[i])))
			return true;
	return *has_patterns;
}

/* "TYPE PATH SIZE" and so many bytes off the front of *rest. */
static int
take_table(struct virtual_tables *tables, struct span *rest,
	struct error *error)
{
	struct span line, type, path, size;
	uint64_t bytes;
	bool has_patterns;
	if (!span_split(rest, '\n', &line) || !span_word(&line, &type) ||
		!span_word(&line, &path) || !span_word(&line, &size) ||
		!span_to_number(size, rest->size, &bytes))
		return error_set(error, ERROR_DAMAGED,
			"virtual_alias_maps: what master passed is damaged");
	if (!knows_type(type, &has_patterns))
		return error_set(error, ERROR_USAGE, "virtual_alias_maps: "
			"found %.*s:%.*s, expected texthash, hash, regexp or "
			"pcre", SPAN_PRINT(type), SPAN_PRINT(path));
	struct table *table = memory_new(sizeof(*table));
	struct place place = { .tables = tables, .table = table, .error =
		error, .path = arena_copy_string(&tables->arena, path) };
	table->has_patterns = has_patterns;
	map_init(&table->keys);
	*tables->end = table;
	tables->end = &table->next;
	struct span text = span_first(*rest, bytes);
	*rest = span_skip(*rest, bytes);
	return read_table(&place, text);
}

int
virtual_new(struct span text, struct virtual_tables **tables,
	struct error *error)
{
	struct virtual_tables *new = memory_new(sizeof(*new));
	arena_init(&new->arena, 0);
	new->end = &new->first;
	*tables = new;
	while (text.size > 0)
		if (take_table(new, &text, error) < 0) {
			virtual_free(tables);
			return -1;
		}
	return 0;
}

void
virtual_free(struct virtual_tables **tables)
{
	struct virtual_tables *old = *tables;
	*tables = NULL;
	if (old == NULL)
		return;
	for (struct table *table = old->first, *next; table != NULL;
		table = next) {
		next = table->next;
		for (size_t i = 0; i < table->count; i++)
			pattern_free(&table->rule[i].pattern);
		memory_free(table->rule);
		map_fini(&table->keys);
		memory_free(table);
	}
	arena_fini(&old->arena);
	memory_free(old);
}

/* ---- finding ---- */

static int
find_pattern(const struct table *table, struct span key, struct arena *arena,
	struct span *value, struct error *error)
{
	for (size_t i = 0; i < table->count;) {
		const struct rule *rule = &table->rule[i++];
		int found = pattern_match(rule->pattern, key, arena, value,
			error);
		if (found < 0 || (found == 1 && !rule->is_if))
			return found;
		if (found == 0 && rule->is_if)
			i = rule->end;
	}
	return 0;
}

int
virtual_find(const struct virtual_tables *tables, struct span key,
	bool is_whole, struct arena *arena, struct span *value,
	struct error *error)
{
	struct span folded = arena_copy_lower(arena, key);
	const struct table *table = tables->first;
	for (; table != NULL; table = table->next) {
		const struct span *stored = map_get(&table->keys, folded);
		int found = stored != NULL;
		if (stored != NULL)
			*value = arena_copy(arena, *stored);
		else if (table->has_patterns && is_whole)
			found = find_pattern(table, key, arena, value, error);
		if (found != 0)
			return found;
	}
	return 0;
}
