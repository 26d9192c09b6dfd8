/* See query.h. PostgreSQL's lexical rules: its manual, 4.1. */
#include "pgsql/query.h"

#include <string.h>

#include "base/buffer.h"

struct rewriting {
	struct span rest;
	const char *variables;
	struct buffer out;
	struct query *query;
	struct error *error;
};

static int
fail(struct rewriting *rewriting, struct span found, const char *expected)
{
	return error_set(rewriting->error, ERROR_USAGE,
		"found \"%.*s\", expected %s",
		SPAN_PRINT(span_first(found, 40)), expected);
}

static void
copy(struct rewriting *rewriting, size_t size)
{
	buffer_add(&rewriting->out, span_first(rewriting->rest, size));
	rewriting->rest = span_skip(rewriting->rest, size);
}

/* The number of the parameter for a variable; 0 with error. */
static int
number_of(struct rewriting *rewriting, struct span variable)
{
	struct query *query = rewriting->query;
	char name = variable.size > 1 ? variable.data[1] : '\0';
	if (name == '\0' || strchr(rewriting->variables, name) == NULL) {
		fail(rewriting, variable, "%u, %n or %d (or %%)");
		return 0;
	}
	for (int i = 0; i < query->count; i++)
		if (query->parameter[i] == name)
			return i + 1;
	query->parameter[query->count++] = name;
	return query->count;
}

/* ---- literals ---- */

static bool
is_variable_at(struct span text, size_t at)
{
	return text.data[at] == '%' && at + 1 < text.size &&
		text.data[at + 1] != '%';
}

static bool
has_variable(struct span text)
{
	for (size_t i = 0; i < text.size; i++) {
		if (is_variable_at(text, i))
			return true;
		if (text.data[i] == '%')
			i++;
	}
	return false;
}

/* The bytes of a quoted piece from its first quote to behind its last; 0: it has
 * no end. Two quotes in a row are one within. */
static size_t
quoted_size(struct span text, char quote)
{
	for (size_t i = 1; i < text.size; i++) {
		if (text.data[i] != quote)
			continue;
		if (i + 1 < text.size && text.data[i + 1] == quote)
			i++;
		else
			return i + 1;
	}
	return 0;
}

static void
end_piece(struct rewriting *rewriting, bool *is_open)
{
	if (*is_open)
		buffer_add_byte(&rewriting->out, '\'');
	*is_open = false;
}

static void
begin_piece(struct rewriting *rewriting, bool *is_open, bool *is_first)
{
	if (*is_open)
		return;
	buffer_add(&rewriting->out, *is_first ? SPAN("'") : SPAN(" || '"));
	*is_open = true;
	*is_first = false;
}

/* 'a%nb' becomes ('a' || $1::text || 'b'). */
static int
concatenate(struct rewriting *rewriting, struct span inside)
{
	bool is_open = false, is_first = true;
	buffer_add_byte(&rewriting->out, '(');
	for (size_t i = 0; i < inside.size; i++) {
		if (!is_variable_at(inside, i)) {
			begin_piece(rewriting, &is_open, &is_first);
			buffer_add_byte(&rewriting->out, inside.data[i]);
			i += inside.data[i] == '%';
			continue;
		}
		int number = number_of(rewriting, span_skip(inside, i));
		if (number == 0)
			return -1;
		end_piece(rewriting, &is_open);
		buffer_print(&rewriting->out, "%s$%d::text", is_first ? "" :
			" || ", number);
		is_first = false;
		i++;
	}
	end_piece(rewriting, &is_open);
	buffer_add_byte(&rewriting->out, ')');
	return 0;
}

/* Before the literal stands E, B, X, N or U&: the quotes mean something else. */
static bool
is_prefixed(const struct rewriting *rewriting)
{
	const struct buffer *out = &rewriting->out;
	return out->size > 0 && (strchr("eEbBxXnN&", out->data[out->size - 1]) !=
		NULL || (out->data[out->size - 1] & 0x80) != 0);
}

/* "%%" within a literal without variables is one per cent sign too. */
static void
copy_literal(struct rewriting *rewriting, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		char c = rewriting->rest.data[i];
		buffer_add_byte(&rewriting->out, c);
		i += c == '%';
	}
	rewriting->rest = span_skip(rewriting->rest, size);
}

static int
take_literal(struct rewriting *rewriting)
{
	size_t size = quoted_size(rewriting->rest, '\'');
	if (size == 0)
		return fail(rewriting, rewriting->rest, "another ' at its end");
	struct span whole = span_first(rewriting->rest, size);
	struct span inside = span_skip(span_first(whole, size - 1), 1);
	int result = 0;
	if (!has_variable(inside)) {
		copy_literal(rewriting, size);
		return 0;
	}
	if (is_prefixed(rewriting) || span_find(inside, '\\') < inside.size)
		return fail(rewriting, whole, "variables in plain literals "
			"only, without a prefix or a backslash");
	if (inside.size == 2) {
		int number = number_of(rewriting, inside);
		if (number == 0)
			return -1;
		buffer_print(&rewriting->out, "$%d", number);
	} else {
		result = concatenate(rewriting, inside);
	}
	rewriting->rest = span_skip(rewriting->rest, size);
	return result;
}

/* ---- the rest ---- */

static int
take_name(struct rewriting *rewriting)
{
	size_t size = quoted_size(rewriting->rest, '"');
	struct span whole = span_first(rewriting->rest, size);
	if (size == 0)
		return fail(rewriting, rewriting->rest,
			"another \" at its end");
	if (has_variable(whole))
		return fail(rewriting, whole, "variables in values, not names");
	copy_literal(rewriting, size);
	return 0;
}

static int
take_variable(struct rewriting *rewriting)
{
	struct span variable = span_first(rewriting->rest, 2);
	if (span_equals(variable, SPAN("%%"))) {
		buffer_add_byte(&rewriting->out, '%');
	} else {
		int number = number_of(rewriting, variable);
		if (number == 0)
			return -1;
		buffer_print(&rewriting->out, "$%d", number);
	}
	rewriting->rest = span_skip(rewriting->rest, 2);
	return 0;
}

static int
take_one(struct rewriting *rewriting)
{
	struct span rest = rewriting->rest;
	switch (rest.data[0]) {
	case '\'':
		return take_literal(rewriting);
	case '"':
		return take_name(rewriting);
	case '%':
		return take_variable(rewriting);
	case '$':
		return fail(rewriting, rest, "no $: parameters get their "
			"numbers here");
	case ';':
		return fail(rewriting, rest, "one statement without a "
			"semicolon");
	default:
		if (span_starts(rest, SPAN("--")) ||
			span_starts(rest, SPAN("/*")))
			return fail(rewriting, rest, "a query without comments");
		copy(rewriting, 1);
		return 0;
	}
}

int
query_parse(struct span text, const char *variables, struct arena *arena,
	struct query *query, struct error *error)
{
	struct rewriting rewriting = { .rest = span_trim(text),
		.variables = variables, .query = query, .error = error };
	int result = 0;
	*query = (struct query){ .count = 0 };
	if (span_ends_nocase(rewriting.rest, SPAN(";")))
		rewriting.rest = span_first(rewriting.rest,
			rewriting.rest.size - 1);
	if (span_find(text, '\0') < text.size || rewriting.rest.size == 0)
		return fail(&rewriting, text, "a query");
	buffer_init(&rewriting.out, 0);
	while (result == 0 && rewriting.rest.size > 0)
		result = take_one(&rewriting);
	if (result == 0)
		query->text = arena_copy_string(arena,
			buffer_span(&rewriting.out));
	buffer_fini(&rewriting.out);
	return result;
}
