/*
 * See virtual_pattern.h. PCRE2 matches regexp: tables too: what POSIX extended
 * expressions mean it means as well, but for the longest of alternatives.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "auth/virtual_pattern.h"

#include <pcre2.h>

#include "auth/virtual.h"
#include "base/buffer.h"
#include "base/memory.h"

enum {
	MATCH_LIMIT = 100000,	/* steps of one match */
	HEAP_LIMIT = 1024,	/* KiB of one match */
	GROUPS = 99,		/* that $n may name */
};

struct pattern {
	pcre2_code *code;
	bool is_negated;
	struct span result;
};

/* As in Postfix: case counts only with i, which turns folding off again. */
static bool
read_flags(struct span flags, uint32_t *options)
{
	*options = PCRE2_CASELESS | PCRE2_DOTALL;
	for (size_t i = 0; i < flags.size; i++)
		switch (flags.data[i]) {
		case 'i':
			*options ^= PCRE2_CASELESS;
			break;
		case 'm':
			*options ^= PCRE2_MULTILINE;
			break;
		case 's':
			*options ^= PCRE2_DOTALL;
			break;
		case 'x':
			*options ^= PCRE2_EXTENDED;
			break;
		default:
			return false;
		}
	return true;
}

/* The number after a dollar sign at text[*at], which moves past it. */
static bool
read_group(struct span text, size_t *at, uint64_t *group)
{
	char open = *at < text.size ? text.data[*at] : '\0';
	bool is_closed = open == '{' || open == '(';
	size_t begin = *at + is_closed, end = begin;
	while (end < text.size && text.data[end] >= '0' &&
		text.data[end] <= '9' && end < begin + 2)
		end++;
	if (!span_to_number(span_of(text.data + begin, end - begin), GROUPS,
		group))
		return false;
	*at = end + is_closed;
	return !is_closed || (end < text.size &&
		text.data[end] == (open == '{' ? '}' : ')'));
}

/* Every $n must be a group that there is. */
static int
check_result(const struct pattern *pattern, struct error *error)
{
	uint32_t groups = 0;
	uint64_t group;
	pcre2_pattern_info(pattern->code, PCRE2_INFO_CAPTURECOUNT, &groups);
	for (size_t i = 0; i < pattern->result.size;) {
		if (pattern->result.data[i++] != '$')
			continue;
		if (i < pattern->result.size && pattern->result.data[i] == '$')
			i++;
		else if (!read_group(pattern->result, &i, &group) ||
			group > groups || pattern->is_negated)
			return error_set(error, ERROR_USAGE, "found \"%.*s\", "
				"expected $1 to $%u, or $$",
				SPAN_PRINT(span_first(pattern->result, 80)),
				(unsigned)groups);
	}
	return 0;
}

static int
compile(struct pattern *pattern, struct span body, uint32_t options,
	struct error *error)
{
	int number;
	PCRE2_SIZE at;
	PCRE2_UCHAR text[120] = "";
	pattern->code = pcre2_compile((PCRE2_SPTR)body.data, body.size,
		options | PCRE2_NEVER_BACKSLASH_C, &number, &at, NULL);
	if (pattern->code != NULL)
		return 0;
	pcre2_get_error_message(number, text, sizeof(text));
	return error_set(error, ERROR_USAGE, "found the pattern \"%.*s\": %s at "
		"byte %zu", SPAN_PRINT(span_first(body, 80)), (char *)text,
		(size_t)at);
}

/* The delimiter is whatever begins it, mostly a slash. */
static bool
split(struct span text, bool *is_negated, struct span *body,
	struct span *flags)
{
	*is_negated = span_starts(text, SPAN("!"));
	if (*is_negated)
		text = span_skip(text, 1);
	if (text.size < 2)
		return false;
	size_t end = 1;
	while (end < text.size && text.data[end] != text.data[0])
		end += text.data[end] == '\\' ? 2 : 1;
	if (end >= text.size)
		return false;
	*body = span_first(span_skip(text, 1), end - 1);
	*flags = span_skip(text, end + 1);
	return true;
}

int
pattern_new(struct span text, struct span result, struct pattern **pattern,
	struct error *error)
{
	struct span body, flags;
	uint32_t options;
	bool is_negated;
	if (!split(text, &is_negated, &body, &flags) ||
		!read_flags(flags, &options))
		return error_set(error, ERROR_USAGE, "found \"%.*s\", expected "
			"/pattern/ with the flags i, m, s or x behind it",
			SPAN_PRINT(span_first(text, 80)));
	struct pattern *new = memory_new(sizeof(*new));
	new->is_negated = is_negated;
	new->result = result;
	*pattern = new;
	if (compile(new, body, options, error) == 0 &&
		check_result(new, error) == 0)
		return 0;
	pattern_free(pattern);
	return -1;
}

void
pattern_free(struct pattern **pattern)
{
	if (*pattern == NULL)
		return;
	pcre2_code_free((*pattern)->code);
	memory_free(*pattern);
	*pattern = NULL;
}

static int
replace(const struct pattern *pattern, struct span subject,
	pcre2_match_data *data, struct arena *arena, struct span *value)
{
	const PCRE2_SIZE *place = pcre2_get_ovector_pointer(data);
	uint32_t count = pcre2_get_ovector_count(data);
	struct span result = pattern->result;
	struct buffer out;
	uint64_t group;
	buffer_init(&out, VIRTUAL_RESULT_LIMIT);
	for (size_t i = 0; i < result.size;) {
		char c = result.data[i++];
		bool is_group = c == '$' && i < result.size &&
			result.data[i] != '$';
		if (c == '$' && !is_group)
			i++;
		if (!is_group)
			buffer_add_byte(&out, c);
		else if (read_group(result, &i, &group) && group < count &&
			place[2 * group] != PCRE2_UNSET)
			buffer_add(&out, span_of(subject.data +
				place[2 * group], place[2 * group + 1] -
				place[2 * group]));
	}
	bool fits = !buffer_is_overrun(&out);
	*value = arena_copy(arena, buffer_span(&out));
	buffer_fini(&out);
	return fits ? 1 : -1;
}

int
pattern_match(const struct pattern *pattern, struct span subject,
	struct arena *arena, struct span *value, struct error *error)
{
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(
		pattern->code, NULL);
	pcre2_match_context *context = pcre2_match_context_create(NULL);
	int result = -1;
	if (data != NULL && context != NULL) {
		pcre2_set_match_limit(context, MATCH_LIMIT);
		pcre2_set_heap_limit(context, HEAP_LIMIT);
		int found = pcre2_match(pattern->code,
			(PCRE2_SPTR)subject.data, subject.size, 0, 0, data,
			context);
		bool matches = found >= 0;
		if (matches || found == PCRE2_ERROR_NOMATCH)
			result = matches != pattern->is_negated;
		if (result == 1 && pattern->is_negated)
			*value = pattern->result;
		else if (result == 1)
			result = replace(pattern, subject, data, arena, value);
	}
	pcre2_match_context_free(context);
	pcre2_match_data_free(data);
	return result >= 0 ? result : error_set(error, ERROR_LATER,
		"a pattern of virtual_alias_maps takes too long for \"%.*s\"",
		SPAN_PRINT(span_first(subject, 100)));
}
