/*
 * $name in values, as postconf(5) of Postfix has it: $name, ${name}, $(name),
 * ${name?text} (text when it has a value), ${name:text} (text when it has none),
 * ${name?{text}:{other}}, and $$ for a $. Run by whoever loads the file.
 */
#include "base/config_file.h"

enum { CONFIG_DEPTH_LIMIT = 16 };

struct expansion {
	struct config *config;
	size_t index;		/* of the value that is being expanded */
	int depth;
	struct buffer *out;
	struct error *error;
};

/* $name with what is said about it. */
struct reference {
	struct span name;
	struct span set, unset;	/* text when it has a value, and when not */
	bool is_conditional;
};

static size_t
name_size(struct span text)
{
	size_t n = 0;
	while (n < text.size && (text.data[n] == '_' ||
	    (text.data[n] >= 'a' && text.data[n] <= 'z') ||
	    (text.data[n] >= 'A' && text.data[n] <= 'Z') ||
	    (text.data[n] >= '0' && text.data[n] <= '9')))
		n++;
	return n;
}

/* Cuts what stands between a bracket at the beginning and its partner. */
static bool
cut_brackets(struct span *rest, char open, char close, struct span *inside)
{
	size_t level = 0;
	for (size_t i = 0; i < rest->size; i++) {
		level += rest->data[i] == open ? 1 : 0;
		level -= rest->data[i] == close ? 1 : 0;
		if (level > 0)
			continue;
		*inside = span_skip(span_first(*rest, i), 1);
		*rest = span_skip(*rest, i + 1);
		return true;
	}
	return false;
}

/* "?text", ":text" or "?{text}:{other}", behind a name in brackets. */
static bool
read_condition(struct span text, struct reference *reference)
{
	char sign = text.data[0];
	struct span rest = span_trim(span_skip(text, 1)), first = rest;
	bool braced = rest.size > 0 && rest.data[0] == '{';
	reference->is_conditional = true;
	if (sign != '?' && sign != ':')
		return false;
	if (braced && !cut_brackets(&rest, '{', '}', &first))
		return false;
	if (sign == '?')
		reference->set = first;
	else
		reference->unset = first;
	rest = span_trim(rest);
	if (!braced || rest.size == 0)
		return true;
	if (sign != '?' || rest.data[0] != ':')
		return false;
	rest = span_trim(span_skip(rest, 1));
	if (rest.size > 0 && rest.data[0] == '{')
		return cut_brackets(&rest, '{', '}', &reference->unset) &&
			span_trim(rest).size == 0;
	reference->unset = rest;
	return true;
}

/* Cuts what follows a $. */
static bool
cut_reference(struct span *rest, struct reference *reference)
{
	struct span inside;
	*reference = (struct reference){ .set = SPAN(""), .unset = SPAN("") };
	if (rest->size > 0 && (rest->data[0] == '{' || rest->data[0] == '(')) {
		char open = rest->data[0];
		if (!cut_brackets(rest, open, open == '{' ? '}' : ')',
		    &inside))
			return false;
		inside = span_trim(inside);
		reference->name = span_first(inside, name_size(inside));
		inside = span_trim(span_skip(inside, reference->name.size));
		return reference->name.size > 0 && (inside.size == 0 ||
			read_condition(inside, reference));
	}
	reference->name = span_first(*rest, name_size(*rest));
	*rest = span_skip(*rest, reference->name.size);
	return reference->name.size > 0;
}

static int
expand_span(const struct expansion *expansion, struct span text);

static int
add_reference(const struct expansion *expansion,
	const struct reference *reference)
{
	char place[CONFIG_PLACE_SIZE];
	struct config *config = expansion->config;
	const struct config_parameter *other =
		config_find_parameter(reference->name);
	config_place(&config->value[expansion->index], place);
	if (other == NULL)
		return error_set(expansion->error, ERROR_USAGE, "%s%s: found "
			"$%.*s, expected the name of a parameter", place,
			config_table[expansion->index].name,
			SPAN_PRINT(reference->name));
	struct config_value *value = &config->value[other - config_table];
	if (config_expand(config, (size_t)(other - config_table),
	    expansion->depth + 1, expansion->error) < 0)
		return -1;
	struct span text = span_from(value->text);
	if (!reference->is_conditional) {
		buffer_add(expansion->out, text);
		return 0;
	}
	struct expansion inner = *expansion;
	inner.depth++;
	return expand_span(&inner,
		text.size > 0 ? reference->set : reference->unset);
}

static int
expand_span(const struct expansion *expansion, struct span text)
{
	struct reference reference;
	char place[CONFIG_PLACE_SIZE];
	config_place(&expansion->config->value[expansion->index], place);
	const char *name = config_table[expansion->index].name;
	if (expansion->depth > CONFIG_DEPTH_LIMIT)
		return error_set(expansion->error, ERROR_USAGE, "%s%s: its "
			"value refers to itself in a loop", place, name);
	while (text.size > 0) {
		size_t plain = span_find(text, '$');
		buffer_add(expansion->out, span_first(text, plain));
		text = span_skip(text, plain);
		if (text.size == 0)
			break;
		text = span_skip(text, 1);
		if (text.size > 0 && text.data[0] == '$') {
			buffer_add_byte(expansion->out, '$');
			text = span_skip(text, 1);
			continue;
		}
		if (!cut_reference(&text, &reference))
			return error_set(expansion->error, ERROR_USAGE, "%s%s: "
				"found a $ without a name, expected $name, "
				"${name}, ${name?text}, ${name:text} or $$",
				place, name);
		if (add_reference(expansion, &reference) < 0)
			return -1;
	}
	return 0;
}

int
config_expand(struct config *config, size_t index, int depth,
	struct error *error)
{
	struct config_value *value = &config->value[index];
	char place[CONFIG_PLACE_SIZE];
	struct buffer out;
	if (value->text != NULL)
		return 0;
	config_place(value, place);
	buffer_init(&out, CONFIG_VALUE_LIMIT);
	struct expansion expansion = { config, index, depth, &out, error };
	int result = expand_span(&expansion, span_from(value->raw));
	if (result == 0 && buffer_is_overrun(&out))
		result = error_set(error, ERROR_USAGE, "%s%s: longer than %d "
			"bytes", place, config_table[index].name,
			CONFIG_VALUE_LIMIT);
	if (result == 0)
		value->text = arena_copy_string(&config->arena,
			span_trim(buffer_span(&out)));
	buffer_fini(&out);
	return result;
}
