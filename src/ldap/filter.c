/* See filter.h. */
#include "ldap/filter.h"

#include <string.h>

#include "base/buffer.h"

static int
fail(struct error *error, struct span found, const char *expected)
{
	return error_set(error, ERROR_USAGE, "found \"%.*s\", expected %s",
		SPAN_PRINT(span_first(found, 40)), expected);
}

static bool
is_variable(char c)
{
	return c == 'u' || c == 'n' || c == 'd' || c == '%';
}

/* "=" was seen since the last parenthesis: a value stands here. */
int
filter_check(struct span filter, struct error *error)
{
	unsigned depth = 0;
	bool has_equals = false, is_closed = false;
	for (size_t i = 0; i < filter.size; i++) {
		struct span rest = span_skip(filter, i);
		char c = filter.data[i];
		if (is_closed || (depth == 0 && c != '('))
			return fail(error, rest, "one filter in parentheses");
		if (c == '\0' || (c == '(' && (++depth > FILTER_DEPTH ||
			has_equals)))
			return fail(error, rest, "a filter of RFC 4515");
		if (c == ')')
			is_closed = --depth == 0;
		if (c == '(' || c == ')')
			has_equals = false;
		has_equals |= c == '=';
		if (c != '%')
			continue;
		if (!has_equals || rest.size < 2 || !is_variable(rest.data[1]))
			return fail(error, rest,
				"%u, %n, %d or %% in the value of a filter");
		i++;
	}
	return is_closed ? 0 : fail(error, filter, "one filter in parentheses");
}

static void
add_escaped(struct buffer *out, struct span value)
{
	for (size_t i = 0; i < value.size; i++) {
		unsigned char c = (unsigned char)value.data[i];
		if (c > ' ' && c < 0x7f && strchr("*()\\", c) == NULL)
			buffer_add_byte(out, (char)c);
		else
			buffer_print(out, "\\%02x", c);
	}
}

struct span
filter_escape(struct span value, struct arena *arena)
{
	struct buffer out;
	buffer_init(&out, 0);
	add_escaped(&out, value);
	char *result = arena_copy_string(arena, buffer_span(&out));
	struct span span = span_of(result, out.size);
	buffer_fini(&out);
	return span;
}

struct span
filter_fill(struct span filter, struct span user, struct span local,
	struct span domain, struct arena *arena)
{
	struct buffer out;
	buffer_init(&out, 0);
	for (size_t i = 0; i < filter.size; i++) {
		char name = i + 1 < filter.size ? filter.data[i + 1] : '\0';
		if (filter.data[i] != '%' || !is_variable(name)) {
			buffer_add_byte(&out, filter.data[i]);
			continue;
		}
		i++;
		if (name == '%')
			buffer_add_byte(&out, '%');
		else
			add_escaped(&out, name == 'u' ? user : name == 'n' ?
				local : domain);
	}
	char *result = arena_copy_string(arena, buffer_span(&out));
	struct span span = span_of(result, out.size);
	buffer_fini(&out);
	return span;
}
