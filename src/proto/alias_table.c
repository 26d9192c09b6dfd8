/* See alias_table.h. Constant once read, so that threads need no lock. */
#include "proto/alias_table.h"

#include "base/map.h"
#include "base/memory.h"
#include "proto/tabline.h"

struct alias_table {
	struct arena arena;
	struct map names;		/* -> struct entry */
};

struct entry {
	struct span targets;		/* fields as they stand in the line */
	size_t count;
};

static const struct {
	const char *key;
	enum alias_kind kind;
} kinds[] = {
	{ "to", ALIAS_ADDRESS },
	{ "user", ALIAS_USER },
	{ "pipe", ALIAS_PROGRAM },
	{ "file", ALIAS_FILE },
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* ---- writing ---- */

void
alias_table_begin(struct buffer *out)
{
	buffer_add_string(out, "ALIASES\t2\n");
}

void
alias_table_begin_entry(struct buffer *out, struct span name)
{
	tabline_add(out, name);
}

void
alias_table_add_target(struct buffer *out, const struct alias_target *target)
{
	char number[40];
	struct buffer place = { .data = number, .room = sizeof(number),
		.limit = sizeof(number) };
	bool runs = target->kind == ALIAS_PROGRAM ||
		target->kind == ALIAS_FILE;
	if (runs)
		buffer_print(&place, "%u:%u", (unsigned)target->owner,
			target->index);
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].kind == target->kind)
			tabline_add_pair(out, kinds[i].key, runs ?
				buffer_span(&place) : target->text);
}

void
alias_table_end_entry(struct buffer *out)
{
	tabline_end(out);
}

void
alias_table_end(struct buffer *out, size_t count)
{
	buffer_add_string(out, "END\t");
	buffer_add_number(out, count);
	buffer_add_byte(out, '\n');
}

/* ---- reading ---- */

/* "UID:INDEX" */
static void
take_place(struct alias_target *target)
{
	struct span index = target->text, uid;
	uint64_t owner, number;
	target->owner = ALIAS_TABLE_NOBODY;
	if (span_split(&index, ':', &uid) &&
		span_to_number(uid, ALIAS_TABLE_NOBODY, &owner) &&
		span_to_number(index, ALIASES_TARGET_LIMIT, &number)) {
		target->owner = (uint32_t)owner;
		target->index = (unsigned)number;
	}
}

static bool
take_target(struct span field, struct alias_target *target)
{
	for (size_t i = 0; i < KINDS; i++)
		if (tabline_value(field, kinds[i].key, &target->text)) {
			target->kind = kinds[i].kind;
			target->line = 0;
			target->owner = 0;
			target->index = 0;
			if (target->kind == ALIAS_PROGRAM ||
				target->kind == ALIAS_FILE)
				take_place(target);
			return target->text.size > 0;
		}
	return false;
}

static bool
add_entry(struct alias_table *table, struct span line)
{
	struct span name, field;
	struct alias_target target;
	struct arena scratch;
	struct entry *entry = arena_new(&table->arena, sizeof(*entry));
	enum tabline_verdict verdict = tabline_next(&line, &table->arena,
		&name);
	entry->targets = line;
	bool ok = verdict == TABLINE_FIELD && name.size > 0;
	arena_init(&scratch, 0);
	while (ok && (verdict = tabline_next(&line, &scratch, &field)) ==
		TABLINE_FIELD) {
		ok = take_target(field, &target) &&
			entry->count < ALIASES_TARGET_LIMIT;
		entry->count++;
	}
	arena_fini(&scratch);
	return ok && verdict == TABLINE_END && entry->count > 0 &&
		map_put(&table->names, name, entry) == NULL;
}

/* Names are lower case, so that "END" is none. */
static bool
read_lines(struct alias_table *table, struct span rest)
{
	struct span line;
	uint64_t count;
	if (!span_split(&rest, '\n', &line) ||
		(!span_equals(line, SPAN("ALIASES\t1")) &&
		!span_equals(line, SPAN("ALIASES\t2"))))
		return false;
	while (span_split(&rest, '\n', &line)) {
		if (span_starts(line, SPAN("END\t")))
			return rest.size == 0 && rest.data != NULL &&
				span_to_number(
				span_skip(line, 4), ALIASES_ENTRY_LIMIT,
				&count) && count == map_count(&table->names);
		if (map_count(&table->names) == ALIASES_ENTRY_LIMIT ||
			!add_entry(table, line))
			return false;
	}
	return false;
}

int
alias_table_new(struct span text, struct alias_table **table,
	struct error *error)
{
	struct alias_table *new = memory_new(sizeof(*new));
	arena_init(&new->arena, 0);
	map_init(&new->names);
	*table = new;
	if (read_lines(new, arena_copy(&new->arena, text)))
		return 0;
	alias_table_free(table);
	return error_set(error, ERROR_DAMAGED,
		"the table of aliases is damaged; run newaliases");
}

void
alias_table_free(struct alias_table **table)
{
	struct alias_table *old = *table;
	if (old == NULL)
		return;
	map_fini(&old->names);
	arena_fini(&old->arena);
	memory_free(old);
	*table = NULL;
}

size_t
alias_table_count(const struct alias_table *table)
{
	return map_count(&table->names);
}

bool
alias_table_find(const struct alias_table *table, struct span name,
	struct arena *arena, struct alias_target **target, size_t *count)
{
	char lower[128];
	if (name.size > sizeof(lower))
		return false;
	for (size_t i = 0; i < name.size; i++)
		lower[i] = span_lower_byte(name.data[i]);
	const struct entry *entry = map_get(&table->names,
		span_of(lower, name.size));
	if (entry == NULL)
		return false;
	struct span rest = arena_copy(arena, entry->targets), field;
	*target = arena_new_array(arena, entry->count, sizeof(**target));
	*count = 0;
	while (*count < entry->count && tabline_next(&rest, arena, &field) ==
		TABLINE_FIELD)
		if (take_target(field, &(*target)[*count]))
			++*count;
	return true;
}
