/*
 * What files stand in lists of domains and networks, as match lists of Postfix
 * have them: /file (each line a piece of the list), !pattern, and of tables the
 * types whose source is a text file (its keys). Read once, by whoever loads the
 * configuration: the effective value has what stands in them, so that programs in
 * a jail need no file. Where myorigin is a file, its first line counts (Debian).
 */
#include "base/config_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/network.h"

enum { LIST_DEPTH_LIMIT = 4, LIST_PATH_SIZE = 1024 };

struct list {
	struct config *config;
	size_t index;
	const char *place;
	struct buffer *out;
	struct error *error;
};

/* Of a table that has a text file as source: its type with the colon. */
static size_t
source_type_size(struct span item)
{
	static const char *const types[] = { "hash:/", "btree:/", "lmdb:/",
		"cdb:/", "dbm:/", "texthash:/" };
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (span_starts(item, span_from(types[i])))
			return strlen(types[i]) - 1;
	return 0;
}

static int
read_list_file(const struct list *list, struct span path, struct buffer *bytes)
{
	char name[LIST_PATH_SIZE];
	const char *parameter = config_table[list->index].name;
	if (path.size >= sizeof(name))
		return error_set(list->error, ERROR_USAGE, "%s%s: found a path "
			"of %zu bytes, expected a shorter one", list->place,
			parameter, path.size);
	snprintf(name, sizeof(name), "%.*s", SPAN_PRINT(path));
	if (file_read_whole(AT_FDCWD, name, CONFIG_VALUE_LIMIT, bytes,
	    list->error) < 0)
		return error_wrap(list->error, "%s%s", list->place, parameter);
	if (span_find(buffer_span(bytes), '\0') < bytes->size)
		return error_set(list->error, ERROR_USAGE, "%s%s: %s: found a "
			"NUL byte, expected text", list->place, parameter,
			name);
	return 0;
}

static void
add_item(const struct list *list, bool is_excluded, struct span item)
{
	if (list->out->size > 0)
		buffer_add_byte(list->out, ' ');
	if (is_excluded)
		buffer_add_byte(list->out, '!');
	buffer_add(list->out, item);
}

/* Keys of a table are names, whatever they begin with. */
static int
add_keys(const struct list *list, bool is_excluded, struct span path)
{
	struct buffer bytes;
	struct span rest, line, key;
	buffer_init(&bytes, 0);
	int result = read_list_file(list, path, &bytes);
	rest = buffer_span(&bytes);
	while (result == 0 && span_split(&rest, '\n', &line)) {
		if (line.size == 0 || strchr("# \t!/", line.data[0]) != NULL ||
		    !span_word(&line, &key))
			continue;
		add_item(list, is_excluded, key);
	}
	buffer_fini(&bytes);
	return result;
}

static int
add_items(const struct list *list, bool is_excluded, struct span text,
	int depth);

static int
add_file(const struct list *list, bool is_excluded, struct span path,
	int depth)
{
	struct buffer bytes;
	struct span rest, line;
	if (depth == LIST_DEPTH_LIMIT)
		return error_set(list->error, ERROR_USAGE, "%s%s: found %.*s "
			"in a file in a file, expected names there",
			list->place, config_table[list->index].name,
			SPAN_PRINT(path));
	buffer_init(&bytes, 0);
	int result = read_list_file(list, path, &bytes);
	rest = buffer_span(&bytes);
	while (result == 0 && span_split(&rest, '\n', &line)) {
		line = span_trim(line);
		if (line.size > 0 && line.data[0] != '#')
			result = add_items(list, is_excluded, line, depth + 1);
	}
	buffer_fini(&bytes);
	return result;
}

/* A colon is no table's when it is of an address, perhaps with a key behind. */
static bool
is_network(struct span item)
{
	config_take_key(&item);
	return network_pattern_is_valid(item);
}

static int
refuse_table(const struct list *list, struct span item)
{
	return error_set(list->error, ERROR_USAGE, "%s%s: found \"%.*s\", "
		"expected %s: such a table is not read here; write what it "
		"has into a file, one a line, and its path in its place",
		list->place, config_table[list->index].name,
		SPAN_PRINT(span_first(item, 80)),
		config_table[list->index].type == CONFIG_DOMAINS ? "domains" :
		"networks");
}

static int
add_items(const struct list *list, bool is_excluded, struct span text,
	int depth)
{
	struct span item;
	bool is_domains = config_table[list->index].type == CONFIG_DOMAINS;
	while (config_next_item(&text, &item)) {
		bool is_out = is_excluded;
		int result = 0;
		while (item.size > 0 && item.data[0] == '!') {
			item = span_skip(item, 1);
			is_out = !is_out;
		}
		size_t type = source_type_size(item);
		if (item.size == 0)
			result = error_set(list->error, ERROR_USAGE, "%s%s: "
				"found ! alone, expected !pattern", list->place,
				config_table[list->index].name);
		else if (item.data[0] == '/')
			result = add_file(list, is_out, item, depth);
		else if (type > 0 && is_domains)
			result = add_keys(list, is_out, span_skip(item, type));
		else if (span_find(item, ':') < item.size &&
		    item.data[0] != '[' && (is_domains ||
		    !is_network(item)))
			result = refuse_table(list, item);
		else
			add_item(list, is_out, item);
		if (result < 0)
			return -1;
	}
	return 0;
}

static int
resolve_list(struct config *config, size_t index, struct error *error)
{
	struct config_value *value = &config->value[index];
	char place[CONFIG_PLACE_SIZE];
	struct buffer out;
	config_place(value, place);
	buffer_init(&out, CONFIG_VALUE_LIMIT);
	struct list list = { config, index, place, &out, error };
	int result = add_items(&list, false, span_from(value->text), 0);
	if (result == 0 && buffer_is_overrun(&out))
		result = error_set(error, ERROR_USAGE, "%s%s: longer than %d "
			"bytes with its files", place, config_table[index].name,
			CONFIG_VALUE_LIMIT);
	if (result == 0)
		value->text = arena_copy_string(&config->arena,
			buffer_span(&out));
	buffer_fini(&out);
	return result;
}

static int
resolve_origin(struct config *config, size_t index, struct error *error)
{
	struct config_value *value = &config->value[index];
	char place[CONFIG_PLACE_SIZE];
	struct buffer bytes;
	struct list list = { config, index, place, NULL, error };
	config_place(value, place);
	buffer_init(&bytes, 0);
	int result = read_list_file(&list, span_from(value->text), &bytes);
	struct span all = buffer_span(&bytes);
	struct span line = span_trim(span_first(all, span_find(all, '\n')));
	if (result == 0 && (line.size == 0 || span_find(line, ' ') < line.size))
		result = error_set(error, ERROR_USAGE, "%smyorigin: found no "
			"name in the first line of %s, expected a domain",
			place, value->text);
	if (result == 0)
		value->text = arena_copy_string(&config->arena, line);
	buffer_fini(&bytes);
	return result;
}

/* Are there items that name a file or exclude, or tables to refuse? */
static bool
has_patterns(const char *text)
{
	return strpbrk(text, "!/:") != NULL;
}

int
config_resolve_lists(struct config *config, struct error *error)
{
	for (size_t i = 0; i < config->count; i++) {
		const struct config_parameter *parameter = &config_table[i];
		const char *text = config->value[i].text;
		bool is_list = parameter->type == CONFIG_DOMAINS ||
			parameter->type == CONFIG_NETWORKS ||
			parameter->type == CONFIG_PEER_NETWORKS;
		if (is_list && has_patterns(text) &&
		    resolve_list(config, i, error) < 0)
			return -1;
		if (strcmp(parameter->name, "myorigin") == 0 &&
		    text[0] == '/' && resolve_origin(config, i, error) < 0)
			return -1;
	}
	return 0;
}
