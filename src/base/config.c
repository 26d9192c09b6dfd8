/*
 * Effective values: what the file and overrides set over what the table has, with
 * $name expanded (config_expand.c), files in lists read (config_lists.c) and every
 * value checked against its type, and what that leaves open (config_check.c).
 */
#include "base/config.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/config_check.h"
#include "base/config_file.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/network.h"

enum { CONFIG_BLOB_LIMIT = 1 << 20 };

const struct config_parameter *
config_find_parameter(struct span name)
{
	for (const struct config_parameter *p = config_table; p->name; p++)
		if (span_equals(span_from(p->name), name))
			return p;
	return NULL;
}

static struct config_value *
value_of(const struct config *config, const char *name)
{
	const struct config_parameter *parameter =
		config_find_parameter(span_from(name));
	assert(parameter != NULL);
	return &config->value[parameter - config_table];
}

void
config_place(const struct config_value *value, char out[CONFIG_PLACE_SIZE])
{
	if (value->line > 0)
		snprintf(out, CONFIG_PLACE_SIZE, "%s:%u: ", value->file,
			value->line);
	else
		snprintf(out, CONFIG_PLACE_SIZE, "%s%s", value->file == NULL ?
			"" : value->file, value->file == NULL ? "" : ": ");
}

/* ---- types ---- */

static bool
parse_with_unit(struct span text, const char *units, const uint64_t *factors,
	uint64_t bare, uint64_t *number)
{
	uint64_t factor = bare;
	if (text.size > 0) {
		char last = text.data[text.size - 1];
		const char *at = last == '\0' ? NULL : strchr(units, last);
		if (at != NULL) {
			factor = factors[at - units];
			text.size--;
		}
	}
	if (!span_to_number(span_trim(text), UINT64_MAX / 1000000000, number))
		return false;
	return !__builtin_mul_overflow(*number, factor, number);
}

static bool
parse_size(struct span text, uint64_t *number)
{
	static const uint64_t factors[] = { 1ull << 10, 1ull << 10, 1ull << 20,
		1ull << 20, 1ull << 30, 1ull << 30, 1 };
	return parse_with_unit(text, "kKmMgGB", factors, 1, number) &&
		*number <= INT64_MAX;
}

static bool
parse_duration(struct span text, const char *unit, uint64_t *number)
{
	static const uint64_t factors[] = { 1000, 60000, 3600000, 86400000,
		604800000 };
	static const char units[] = "smhdw";
	const char *at = strchr(units, unit[0]);
	return parse_with_unit(text, units, factors, factors[at - units],
		number) && *number <= INT64_MAX;
}

static bool
is_one_of(struct span text, const char *choices)
{
	struct span rest = span_from(choices), word;
	while (span_word(&rest, &word))
		if (span_equals(word, text))
			return true;
	return false;
}

/* `is_peer`: an item may have =KEY behind it. */
static bool
are_servers(struct span list, bool is_peer)
{
	struct network_address server;
	struct span item;
	while (config_next_item(&list, &item)) {
		if (is_peer && config_take_key(&item).size == 1)
			return false;
		if (!network_server_parse(item, 0, &server))
			return false;
	}
	return true;
}

/* What is excluded is so with any key. */
static bool
are_peer_networks(struct span list)
{
	struct span item;
	bool is_excluded;
	while (config_next_pattern(&list, &item, &is_excluded)) {
		size_t key = config_take_key(&item).size;
		if (key == 1 || (key > 0 && is_excluded) ||
		    !network_pattern_is_valid(item))
			return false;
	}
	return true;
}

/* What was expected, or NULL when the value fits its type. */
static const char *
check_type(const struct config_parameter *parameter, struct config_value *value)
{
	struct span text = span_from(value->text), bad;
	switch (parameter->type) {
	case CONFIG_NUMBER:
		return span_to_number(text, INT32_MAX, &value->number) ? NULL :
			"a number";
	case CONFIG_PORT:
		return span_to_number(text, 65535, &value->number) ? NULL :
			"a port from 0 to 65535";
	case CONFIG_SIZE:
		return parse_size(text, &value->number) ? NULL :
			"a size such as 500000, 64M or 1G";
	case CONFIG_DURATION:
		return parse_duration(text, parameter->unit, &value->number) ?
			NULL : "a time such as 300s, 5m, 2h or 5d";
	case CONFIG_BOOL:
		value->number = span_equals_nocase(text, SPAN("yes"));
		return is_one_of(text, "yes no") ? NULL : "yes or no";
	case CONFIG_CHOICE:
		return is_one_of(text, parameter->choices) ? NULL :
			parameter->choices;
	case CONFIG_NETWORKS:
		if (!network_list_is_valid(text, &bad))
			return "networks such as 192.168.10.0/24 or "
				"[2001:db8::]/32";
		return strcmp(parameter->name, "mynetworks") != 0 ||
			network_list_is_plain(text, &bad) ? NULL :
			"networks whose bits behind /length are 0, such as "
			"192.168.10.0/24";
	case CONFIG_SERVERS:
		return are_servers(text, false) ? NULL : "addresses such as "
			"192.0.2.1, 192.0.2.1@5353 or [2001:db8::1]:5353";
	case CONFIG_PEER_SERVERS:
		return are_servers(text, true) ? NULL : "addresses such as "
			"192.0.2.1, [2001:db8::1]:5353 or 192.0.2.1=KEY";
	case CONFIG_PEER_NETWORKS:
		return are_peer_networks(text) ? NULL : "networks such as "
			"192.168.10.0/24, [2001:db8::]/32 or 192.0.2.1=KEY";
	case CONFIG_TEXT:
	case CONFIG_LIST:
	case CONFIG_DOMAINS:
		return config_check_text(parameter->name, text);
	}
	return NULL;
}

static int
check(struct config *config, size_t index, struct error *error)
{
	struct config_value *value = &config->value[index];
	char place[CONFIG_PLACE_SIZE];
	const char *expected = check_type(&config_table[index], value);
	if (expected == NULL)
		return 0;
	config_place(value, place);
	return error_set(error, ERROR_USAGE, "%s%s: found \"%.80s\", "
		"expected %s%s", place, config_table[index].name, value->text,
		config_table[index].type == CONFIG_CHOICE ? "one of: " : "",
		expected);
}

/* ---- values that depend on the machine ---- */

static void
set_text(struct config *config, const char *name, struct span text)
{
	value_of(config, name)->text = arena_copy_string(&config->arena, text);
}

static void
find_host_name(struct config *config)
{
	char name[256] = "";
	struct config_value *host = value_of(config, "myhostname");
	if (host->raw[0] != '\0')
		return;
	if (gethostname(name, sizeof(name) - 1) < 0 || name[0] == '\0')
		snprintf(name, sizeof(name), "localhost");
	host->raw = arena_copy_string(&config->arena, span_from(name));
}

/* As gettext looks for it (setlocale(3)), as far as we have texts. */
static void
find_language(struct config *config)
{
	static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
	struct config_value *language = value_of(config, "language");
	const char *locale = NULL;
	for (size_t i = 0; i < 3 && (locale == NULL || locale[0] == '\0'); i++)
		locale = getenv(names[i]);
	if (language->raw[0] == '\0')
		language->raw = locale != NULL && strncmp(locale, "zh", 2) == 0 ?
			"zh" : "en";
}

/* Postfix's rule: the host name less its first label, if that leaves one. */
static void
find_domain(struct config *config)
{
	struct config_value *domain = value_of(config, "mydomain");
	if (domain->raw[0] == '\0')
		domain->raw = "$myhostname";
	else
		return;
	struct span host = span_from(value_of(config, "myhostname")->raw);
	size_t dot = span_find(host, '.');
	if (dot < host.size && span_find(host, '$') == host.size)
		domain->raw = arena_copy_string(&config->arena,
			span_skip(host, dot + 1));
}

static bool
list_has(const char *list, struct span word)
{
	struct span rest = span_from(list), item;
	while (config_next_item(&rest, &item))
		if (span_equals_nocase(item, word))
			return true;
	return false;
}

static void
turn_off(struct config *config, const char *name)
{
	set_text(config, name, SPAN("0"));
	value_of(config, name)->number = 0;
}

static void
apply_protocols(struct config *config)
{
	const char *protocols = config_text(config, "protocols");
	if (!list_has(protocols, SPAN("imap"))) {
		turn_off(config, "imap_port");
		turn_off(config, "imaps_port");
	}
	if (!list_has(protocols, SPAN("pop3"))) {
		turn_off(config, "pop3_port");
		turn_off(config, "pop3s_port");
	}
	if (!list_has(protocols, SPAN("lmtp")))
		turn_off(config, "lmtp_port");
}

/* The sums are known when protocols that are off are. */
static int
check_ports(const struct config *config, struct error *error)
{
	char place[CONFIG_PLACE_SIZE];
	uint64_t offset = config_number(config, "port_offset");
	for (size_t i = 0; i < config->count; i++) {
		uint64_t port = config->value[i].number;
		if (config_table[i].type != CONFIG_PORT || port == 0 ||
		    port + offset <= 65535)
			continue;
		config_place(value_of(config, "port_offset"), place);
		return error_set(error, ERROR_USAGE, "%sport_offset: found %llu, "
			"with which %s is %llu, expected ports up to 65535",
			place, (unsigned long long)offset,
			config_table[i].name,
			(unsigned long long)(port + offset));
	}
	return 0;
}

/* What runs as one user cannot look at the passwords of others. */
static void
choose_accounts(struct config *config)
{
	if (!value_of(config, "accounts")->is_changed && geteuid() != 0)
		set_text(config, "accounts", SPAN("builtin"));
}

static void
count_processes(struct config *config)
{
	char text[16];
	struct config_value *count = value_of(config, "mailbox_processes");
	if (count->number == 0) {
		long cores = sysconf(_SC_NPROCESSORS_ONLN);
		count->number = cores < 1 ? 1 : (uint64_t)cores;
	}
	if (count->number > CONFIG_PROCESS_LIMIT)
		count->number = CONFIG_PROCESS_LIMIT;
	snprintf(text, sizeof(text), "%u", (unsigned)count->number);
	count->text = arena_copy_string(&config->arena, span_from(text));
}

/* ---- whole ---- */

struct config *
config_new(void)
{
	struct config *config = memory_new(sizeof(*config));
	size_t count = 0;
	arena_init(&config->arena, 0);
	while (config_table[count].name != NULL)
		count++;
	config->value = arena_new_array(&config->arena, count,
		sizeof(*config->value));
	for (size_t i = 0; i < count; i++)
		config->value[i].raw = config_table[i].standard;
	config->count = count;
	return config;
}

int
config_finish(struct config *config, struct error *error)
{
	find_language(config);
	find_host_name(config);
	find_domain(config);
	for (size_t i = 0; i < config->count; i++)
		if (config_expand(config, i, 0, error) < 0)
			return -1;
	if (config_resolve_lists(config, error) < 0)
		return -1;
	for (size_t i = 0; i < config->count; i++)
		if (check(config, i, error) < 0)
			return -1;
	apply_protocols(config);
	count_processes(config);
	choose_accounts(config);
	return check_ports(config, error);
}

void
config_free(struct config **config)
{
	if (*config == NULL)
		return;
	arena_fini(&(*config)->arena);
	memory_free(*config);
	*config = NULL;
}

const char *
config_warning(const struct config *config, size_t i)
{
	return i < config->warning_count ? config->warning[i] : NULL;
}

bool
config_is_changed(const struct config *config, const char *name)
{
	return value_of(config, name)->is_changed;
}

/* ---- access ---- */

const char *
config_text(const struct config *config, const char *name)
{
	const char *text = value_of(config, name)->text;
	assert(text != NULL);	/* a reader its row does not name */
	return text;
}

const char *
config_path(const struct config *config, const char *name)
{
	const char *text = config_text(config, name);
	size_t type = strcspn(text, ":/");
	return text[type] == ':' ? text + type + 1 : text;
}

static uint64_t
number_of_type(const struct config *config, const char *name,
	enum config_type type, enum config_type or_type)
{
	const struct config_value *value = value_of(config, name);
	enum config_type is = config_table[value - config->value].type;
	assert(value->text != NULL && (is == type || is == or_type));
	return value->number;
}

uint64_t
config_number(const struct config *config, const char *name)
{
	return number_of_type(config, name, CONFIG_NUMBER, CONFIG_PORT);
}

uint64_t
config_size(const struct config *config, const char *name)
{
	return number_of_type(config, name, CONFIG_SIZE, CONFIG_SIZE);
}

int64_t
config_duration(const struct config *config, const char *name)
{
	return (int64_t)number_of_type(config, name, CONFIG_DURATION,
		CONFIG_DURATION);
}

bool
config_bool(const struct config *config, const char *name)
{
	return number_of_type(config, name, CONFIG_BOOL, CONFIG_BOOL) != 0;
}

struct span
config_take_key(struct span *item)
{
	size_t at = span_find(*item, '=');
	struct span key = span_skip(*item, at);
	*item = span_first(*item, at);
	return key;
}

bool
config_next_item(struct span *rest, struct span *item)
{
	size_t n = 0;
	while (rest->size > 0 && strchr(", \t\r\n", rest->data[0]) != NULL)
		*rest = span_skip(*rest, 1);
	while (n < rest->size && strchr(", \t\r\n", rest->data[n]) == NULL)
		n++;
	*item = span_first(*rest, n);
	*rest = span_skip(*rest, n);
	return n > 0;
}

bool
config_next_pattern(struct span *rest, struct span *item, bool *is_excluded)
{
	if (!config_next_item(rest, item))
		return false;
	*is_excluded = item->data[0] == '!';
	*item = span_skip(*item, *is_excluded ? 1 : 0);
	return true;
}

bool
config_has_item(const struct config *config, const char *name,
	const char *item)
{
	return list_has(config_text(config, name), span_from(item));
}

/* ---- blobs ---- */

static bool
reads(const struct config_parameter *parameter, const char *program)
{
	struct span rest = span_from(parameter->readers), word;
	if (program == NULL || strcmp(parameter->readers, "*") == 0)
		return true;
	while (span_word(&rest, &word))
		if (span_equals(word, span_from(program)))
			return true;
	return false;
}

void
config_write(const struct config *config, const char *program,
	struct buffer *blob)
{
	for (size_t i = 0; i < config->count; i++) {
		if (!reads(&config_table[i], program))
			continue;
		buffer_print(blob, "%s=", config_table[i].name);
		for (const char *at = config->value[i].text; *at; at++) {
			if (*at == '\n' || *at == '\\')
				buffer_add_byte(blob, '\\');
			buffer_add_byte(blob, *at == '\n' ? 'n' : *at);
		}
		buffer_add_byte(blob, '\n');
	}
}

static int
read_blob_line(struct config *config, struct span line, struct error *error)
{
	struct buffer text;
	size_t equals = span_find(line, '=');
	const struct config_parameter *parameter =
		config_find_parameter(span_first(line, equals));
	if (parameter == NULL)
		return error_set(error, ERROR_DAMAGED, "configuration blob: "
			"unknown name %.*s", SPAN_PRINT(span_first(line, 60)));
	struct span raw = span_skip(line, equals + 1);
	buffer_init(&text, CONFIG_VALUE_LIMIT * 2);
	for (size_t i = 0; i < raw.size; i++) {
		bool escaped = raw.data[i] == '\\' && i + 1 < raw.size;
		i += escaped ? 1 : 0;
		buffer_add_byte(&text, escaped && raw.data[i] == 'n' ? '\n' :
			raw.data[i]);
	}
	size_t index = (size_t)(parameter - config_table);
	config->value[index].text = arena_copy_string(&config->arena,
		buffer_span(&text));
	buffer_fini(&text);
	return check(config, index, error);
}

int
config_read(int fd, struct config **config, struct error *error)
{
	struct buffer blob;
	struct span rest, line;
	struct config *fresh = config_new();
	buffer_init(&blob, 0);
	int result = file_read_descriptor(fd, CONFIG_BLOB_LIMIT, &blob, error);
	rest = buffer_span(&blob);
	while (result == 0 && span_split(&rest, '\n', &line))
		if (line.size > 0)
			result = read_blob_line(fresh, line, error);
	buffer_fini(&blob);
	if (result < 0)
		config_free(&fresh);
	*config = fresh;
	return result;
}
