/*
 * main.cf and master.cf (postconf(5), master(5)) for `posthouse config import`.
 * $name of a parameter that Posthouse has stays; others are replaced by what
 * main.cf says.
 */
#include "ctl/import_config.h"

#include <string.h>

#include "base/logical_lines.h"

enum {
	SETTINGS = 1000,
	PORTS = 3,
};

struct setting {
	struct span name, value;
	struct import_place place;
};

struct postfix {
	struct config_import *import;
	const char *file;
	struct setting *setting;
	size_t count;
	unsigned replaced;		/* names, in the value at hand */
	bool listens[PORTS];		/* as master.cf says, at ports[] */
	unsigned last_service;		/* its line; 0: none */
	struct error *error;
};

/* ---- reading ---- */

/* The last setting of a name counts. */
static struct setting *
find(struct postfix *postfix, struct span name)
{
	for (size_t i = 0; i < postfix->count; i++)
		if (span_equals(postfix->setting[i].name, name))
			return &postfix->setting[i];
	return NULL;
}

static int
take_setting(struct postfix *postfix, struct span text, unsigned line)
{
	size_t at = span_find(text, '=');
	struct span name = span_trim(span_first(text, at));
	if (at == text.size || name.size == 0 || span_find(text, '\0') <
		text.size || text.size > IMPORT_VALUE_LIMIT)
		return error_set(postfix->error, ERROR_USAGE, "%s:%u: found "
			"\"%.*s\", expected name = value", postfix->file, line,
			SPAN_PRINT(span_first(text, 80)));
	struct setting *setting = find(postfix, name);
	if (setting != NULL)
		import_say(postfix->import, &setting->place, setting->name,
			"not carried over: line %u says something else", line);
	else if (postfix->count == SETTINGS)
		return error_set(postfix->error, ERROR_USAGE, "%s:%u: found "
			"more than %d parameters, expected fewer",
			postfix->file, line, SETTINGS);
	else
		setting = &postfix->setting[postfix->count++];
	*setting = (struct setting){ arena_copy(&postfix->import->arena, name),
		arena_copy(&postfix->import->arena,
		span_trim(span_skip(text, at + 1))),
		{ postfix->file, line } };
	return 0;
}

static int
each_line(struct postfix *postfix, struct span text, int (*take)(
	struct postfix *postfix, struct span text, unsigned line))
{
	struct logical_lines lines;
	struct span line;
	int result = 0;
	logical_lines_init(&lines, text);
	while (result == 0 && logical_lines_next(&lines, &line))
		result = take(postfix, line, lines.line);
	logical_lines_fini(&lines);
	return result;
}

/* ---- $name ---- */

/* Where Postfix has an account for its own sake: the same name, another thing. */
static const char *
find_objection(struct span name)
{
	static const struct {
		const char *name, *reason;
	} rows[] = {
		{ "data_directory", "Posthouse keeps mail there, Postfix its "
			"caches" },
		{ "queue_directory", "Posthouse has a queue of its own" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (span_equals(name, span_from(rows[i].name)))
			return rows[i].reason;
	return NULL;
}

/* Cuts "$name", "${name}" or "$(name)" off; false: no name, or a condition. */
static bool
cut_name(struct span *rest, struct span *name)
{
	struct span text = span_skip(*rest, 1);
	char close = text.size == 0 ? '\0' : text.data[0] == '{' ? '}' :
		text.data[0] == '(' ? ')' : '\0';
	size_t size = 0;
	if (close != '\0') {
		text = span_skip(text, 1);
		size = span_find(text, close);
		if (size == text.size)
			return false;
	} else {
		while (size < text.size && ((text.data[size] >= 'a' &&
			text.data[size] <= 'z') || (text.data[size] >= 'A' &&
			text.data[size] <= 'Z') || (text.data[size] >= '0' &&
			text.data[size] <= '9') || text.data[size] == '_'))
			size++;
	}
	*name = span_first(text, size);
	*rest = span_skip(text, size + (close != '\0'));
	return size > 0 && span_find(*name, '?') == size &&
		span_find(*name, ':') == size;
}

/* False: what was found in *bad has no value here. */
static bool
expand(struct postfix *postfix, struct span value, unsigned depth,
	struct buffer *out, struct span *bad)
{
	while (value.size > 0) {
		struct span name;
		size_t at = span_find(value, '$');
		buffer_add(out, span_first(value, at));
		value = span_skip(value, at);
		if (value.size == 0)
			break;
		*bad = value;
		if (span_starts(value, SPAN("$$"))) {
			buffer_add_string(out, "$$");
			value = span_skip(value, 2);
			continue;
		}
		if (depth == IMPORT_DEPTH || out->size > IMPORT_VALUE_LIMIT ||
			++postfix->replaced > IMPORT_NAMES_LIMIT ||
			!cut_name(&value, &name))
			return false;
		const struct setting *setting = find(postfix, name);
		if (config_find_parameter(name) != NULL &&
			find_objection(name) == NULL)
			buffer_print(out, "${%.*s}", SPAN_PRINT(name));
		else if (setting == NULL || !expand(postfix, setting->value,
			depth + 1, out, bad))
			return false;
	}
	return true;
}

/* ---- lists ---- */

static bool
is_list_of_names(struct span name)
{
	return span_equals(name, SPAN("mynetworks")) ||
		span_equals(name, SPAN("myorigin")) ||
		span_equals(name, SPAN("mydestination")) ||
		span_equals(name, SPAN("relay_domains"));
}

/* A line of a file of a list: a piece of the list. */
static void
add_items(struct span line, struct buffer *out)
{
	struct span item;
	line = span_trim(line);
	while (line.size > 0 && line.data[0] != '#' &&
		config_next_item(&line, &item))
		buffer_print(out, " %.*s", SPAN_PRINT(item));
}

/* A line of the source of a table: its key, if it has one. */
static void
add_key(struct span line, struct buffer *out)
{
	struct span word;
	if (line.size > 0 && strchr("# \t", line.data[0]) == NULL &&
		span_word(&line, &word))
		buffer_print(out, " %.*s", SPAN_PRINT(word));
}

static bool
add_file(struct config_import *import, const char *path, bool is_table,
	struct buffer *out)
{
	struct buffer bytes;
	struct error error;
	struct span rest, line;
	buffer_init(&bytes, 0);
	bool ok = import->world->read(path, &bytes, &error) == 0;
	rest = buffer_span(&bytes);
	while (ok && span_split(&rest, '\n', &line)) {
		if (is_table)
			add_key(line, out);
		else
			add_items(line, out);
		ok = out->size <= IMPORT_VALUE_LIMIT;
	}
	buffer_fini(&bytes);
	return ok;
}

/* "/file" and "hash:/file" are replaced by what stands in them. */
static bool
flatten(struct config_import *import, struct span list, struct buffer *out,
	struct span *bad)
{
	static const char *const types[] = { "", "hash:", "btree:", "lmdb:",
		"cdb:", "dbm:", "texthash:" };
	struct span item;
	while (config_next_item(&list, &item)) {
		bool is_file = false;
		*bad = item;
		for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
			struct span path = span_skip(item, strlen(types[i]));
			if (!span_starts(item, span_from(types[i])) ||
				!span_starts(path, SPAN("/")))
				continue;
			is_file = true;
			if (!add_file(import, arena_copy_string(&import->arena,
				path), i > 0, out))
				return false;
		}
		if (!is_file)
			buffer_print(out, " %.*s", SPAN_PRINT(item));
	}
	return true;
}

/* Of tables: types that are read here. */
static bool
has_known_types(struct span name, struct span value, struct span *bad)
{
	static const char *const types[] = { "hash:", "btree:", "lmdb:", "cdb:",
		"dbm:", "texthash:", "regexp:", "pcre:", "/" };
	struct span item;
	if (!span_ends_nocase(name, SPAN("_maps")))
		return true;
	while (config_next_item(&value, &item)) {
		bool is_known = false;
		*bad = item;
		for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
			is_known |= span_starts(item, span_from(types[i]));
		if (!is_known)
			return false;
	}
	return true;
}

/* ---- parameters ---- */

/* Names that mean the same under another name. */
static const struct {
	const char *theirs, *ours;
} translated[] = {
	{ "smtpd_tls_cert_file", "tls_cert_file" },
	{ "smtpd_tls_key_file", "tls_key_file" },
	{ "mailbox_size_limit", "mailbox_quota" },
	{ "virtual_mailbox_limit", "mailbox_quota" },
	{ "maillog_file", "log_path" },
};

static void
carry(struct postfix *postfix, const struct setting *setting, const char *name)
{
	struct config_import *import = postfix->import;
	struct buffer expanded, flat;
	struct span bad = SPAN("");
	buffer_init(&expanded, 0);
	buffer_init(&flat, 0);
	postfix->replaced = 0;
	bool ok = expand(postfix, setting->value, 0, &expanded, &bad);
	struct span value = buffer_span(&expanded);
	if (ok)
		ok = has_known_types(setting->name, value, &bad);
	if (ok && is_list_of_names(setting->name)) {
		ok = flatten(import, value, &flat, &bad);
		value = span_trim(buffer_span(&flat));
	}
	/* of myorigin's file the first name counts (Debian) */
	if (ok && span_equals(setting->name, SPAN("myorigin")))
		value = span_first(value, span_find(value, ' '));
	if (ok && span_equals(setting->name, span_from(name)))
		import_set(import, &setting->place, name, value);
	else if (ok)
		import_set_as(import, &setting->place, setting->name, name,
			value);
	else
		import_say(import, &setting->place, setting->name, "not "
			"carried over: \"%.*s\" is not supported in it",
			SPAN_PRINT(span_first(bad, 80)));
	buffer_fini(&expanded);
	buffer_fini(&flat);
}

static const char *
translate(struct span name)
{
	for (size_t i = 0; i < sizeof(translated) / sizeof(translated[0]); i++)
		if (span_equals(name, span_from(translated[i].theirs)))
			return translated[i].ours;
	return NULL;
}

/* Its domains are ours: added to mydestination by hand would hide aliases of
 * alias_maps, which are for that only. */
static void
say_domains(struct postfix *postfix, const struct setting *setting)
{
	import_say(postfix->import, &setting->place, setting->name, "not "
		"carried over: run `posthouse domain add` for each of \"%.*s\"",
		SPAN_PRINT(span_first(setting->value, 200)));
}

static void
carry_one(struct postfix *postfix, const struct setting *setting)
{
	struct config_import *import = postfix->import;
	const struct config_parameter *parameter =
		config_find_parameter(setting->name);
	const char *objection = find_objection(setting->name);
	const char *ours = translate(setting->name);
	if (objection != NULL) {
		import_say(import, &setting->place, setting->name,
			"not carried over: %s", objection);
	} else if (span_equals(setting->name, SPAN("virtual_mailbox_domains")) ||
		span_equals(setting->name, SPAN("virtual_alias_domains"))) {
		say_domains(postfix, setting);
	} else if (parameter != NULL) {
		carry(postfix, setting, parameter->name);
	} else if (ours != NULL && span_equals(setting->value, SPAN("0")) &&
		span_ends_nocase(setting->name, SPAN("_limit"))) {
		import_say(import, &setting->place, setting->name,
			"not carried over: no limit is the default");
	} else if (ours != NULL) {
		carry(postfix, setting, ours);
	} else {
		import_say_known(import, &setting->place, "Postfix",
			setting->name, setting->value);
	}
}

/* ---- master.cf ---- */

/* Services that Posthouse has in processes of its own, or does not need. */
static bool
is_inner(struct span command)
{
	static const char *const commands[] = { "pickup", "cleanup", "qmgr",
		"tlsmgr", "trivial-rewrite", "bounce", "verify", "flush",
		"proxymap", "smtp", "showq", "error", "discard", "local",
		"virtual", "lmtp", "anvil", "scache", "postlogd", "dnsblog",
		"tlsproxy", "postscreen", "oqmgr" };
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (span_equals(command, span_from(commands[i])))
			return true;
	return false;
}

/* The ports on which mail comes in, by the names that they may have in master.cf. */
static const struct {
	const char *names, *ours;
} ports[PORTS] = {
	{ "smtp 25", "smtp_port" },
	{ "submission 587", "submission_port" },
	{ "smtps submissions 465", "submissions_port" },
};

/* Which of ports[]; PORTS: none of them. */
static size_t
find_port(struct span port)
{
	for (size_t i = 0; i < PORTS; i++) {
		struct span rest = span_from(ports[i].names), word;
		while (span_word(&rest, &word))
			if (span_equals(port, word))
				return i;
	}
	return PORTS;
}

static size_t
take_port(struct postfix *postfix, const struct import_place *place,
	struct span service)
{
	size_t at = service.size;
	while (at > 0 && service.data[at - 1] != ':')
		at--;
	size_t port = find_port(span_skip(service, at));
	if (at > 0)
		import_say(postfix->import, place, service, "not carried over: "
			"use inet_interfaces for addresses");
	else if (port == PORTS)
		import_say(postfix->import, place, service, "not carried over: "
			"set smtp_port, submission_port or submissions_port "
			"to listen there");
	if (port < PORTS)
		postfix->listens[port] = true;
	return port;
}

/* A port that Postfix has not in use is not opened. */
static void
close_ports(struct postfix *postfix)
{
	const struct import_place place = { postfix->file,
		postfix->last_service };
	for (size_t i = 0; i < PORTS; i++) {
		struct span rest = span_from(ports[i].names), name;
		if (!postfix->listens[i] && span_word(&rest, &name) &&
		    import_set_as(postfix->import, &place, name, ports[i].ours,
		    SPAN("0")))
			import_say(postfix->import, &place, name, "which is "
				"closed so, as no service has it; take the "
				"line out to offer it");
	}
}

/* What stands behind "-o": a word, or { what has blanks in it } (master(5)). */
static bool
cut_option(struct span *words, struct span *option)
{
	struct span rest = span_trim(*words);
	if (!span_starts(rest, SPAN("{")))
		return span_word(words, option);
	size_t end = span_find(rest, '}');
	*option = span_trim(span_skip(span_first(rest, end), 1));
	*words = span_skip(rest, end + 1);
	return true;
}

/* What Posthouse does at the ports for submission in any case, and at port 25 never:
 * the one asks for authentication and takes no password without TLS, the other relays
 * for nobody else. */
static bool
is_always_so(struct span name)
{
	static const char *const names[] = { "smtpd_tls_security_level",
		"smtpd_tls_wrappermode", "smtpd_tls_auth_only",
		"smtpd_enforce_tls", "smtpd_use_tls", "smtpd_sasl_auth_enable",
		"smtpd_client_restrictions", "smtpd_helo_restrictions",
		"smtpd_sender_restrictions", "smtpd_recipient_restrictions",
		"smtpd_relay_restrictions", "smtpd_reject_unlisted_recipient",
		"smtpd_delay_reject", "smtpd_etrn_restrictions" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_equals(name, span_from(names[i])))
			return true;
	return false;
}

/* What a service of Postfix is here. */
enum service {
	SERVICE_OTHER,
	SERVICE_SMTP,			/* smtpd at port 25 */
	SERVICE_SUBMISSION,		/* smtpd at the other two */
	SERVICE_CLIENT,			/* smtp, which delivers by default */
};

/* "-o name=value" of one service. Of port 25 the AUTH is a setting here too, and those
 * of what delivers are settings of all deliveries. */
static void
take_option(struct postfix *postfix, const struct import_place *place,
	enum service service, struct span text)
{
	struct config_import *import = postfix->import;
	size_t at = span_find(text, '=');
	struct span name = span_trim(span_first(text, at));
	struct span value = span_trim(span_skip(text, at + 1));
	const struct config_parameter *parameter = config_find_parameter(name);
	bool is_plain = span_find(value, '$') == value.size;
	if (is_plain && parameter != NULL && ((service == SERVICE_SMTP &&
	    span_equals(name, SPAN("smtpd_sasl_auth_enable"))) ||
	    (service == SERVICE_CLIENT && span_starts(name, SPAN("smtp_")))))
		import_set(import, place, parameter->name, value);
	else if (service == SERVICE_SUBMISSION && is_always_so(name))
		import_say(import, place, name, "not needed: a port for "
			"submission always asks for authentication, and takes "
			"no password without TLS");
	else if (service == SERVICE_SMTP && is_always_so(name))
		import_say(import, place, name, "not carried over: port 25 "
			"offers STARTTLS and relays for mynetworks and "
			"authenticated clients only");
	else if (parameter != NULL)
		import_say(import, place, name, "not carried over: it was of "
			"one service (\"%.*s\"), and would be of all here",
			SPAN_PRINT(span_first(value, 80)));
	else
		import_say_known(import, place, "Postfix", name, value);
}

static void
take_options(struct postfix *postfix, const struct import_place *place,
	enum service service, struct span words)
{
	struct span word;
	while (span_word(&words, &word)) {
		/* "-o name=value", "-oname=value", "-o { name = value }" */
		if (!span_starts(word, SPAN("-o")))
			continue;
		word = span_skip(word, 2);
		if (word.size > 0 || cut_option(&words, &word))
			take_option(postfix, place, service, word);
	}
}

static enum service
take_smtpd(struct postfix *postfix, const struct import_place *place,
	struct span name)
{
	switch (take_port(postfix, place, name)) {
	case 0:
		return SERVICE_SMTP;
	case 1:
	case 2:
		return SERVICE_SUBMISSION;
	default:
		return SERVICE_OTHER;
	}
}

static int
take_service(struct postfix *postfix, struct span text, unsigned line)
{
	const struct import_place place = { postfix->file, line };
	struct span field[8];
	enum service service = SERVICE_OTHER;
	postfix->last_service = line;
	for (size_t i = 0; i < 8; i++)
		if (!span_word(&text, &field[i]))
			return error_set(postfix->error, ERROR_USAGE, "%s:%u: "
				"found %zu fields, expected eight",
				postfix->file, line, i);
	bool is_inet = span_equals(field[1], SPAN("inet"));
	if (is_inet && (span_equals(field[7], SPAN("smtpd")) ||
	    span_equals(field[7], SPAN("postscreen"))))
		service = take_smtpd(postfix, &place, field[0]);
	else if (span_equals(field[7], SPAN("smtp")) &&
		span_equals(field[0], SPAN("smtp")))
		service = SERVICE_CLIENT;
	else if (!is_inner(field[7]) && !(span_equals(field[7],
		SPAN("smtpd")) && !is_inet))
		import_say(postfix->import, &place, field[0], "not carried "
			"over: Posthouse has no service with %.*s",
			SPAN_PRINT(field[7]));
	if (is_inner(field[7]) || span_equals(field[7], SPAN("smtpd")))
		take_options(postfix, &place, service, text);
	return 0;
}

/* ---- both files ---- */

static int
read_one(struct postfix *postfix, const char *directory, const char *name,
	bool is_optional, int (*take)(struct postfix *postfix,
	struct span text, unsigned line))
{
	struct buffer bytes;
	postfix->file = arena_print(&postfix->import->arena, "%s/%s",
		directory, name).data;
	buffer_init(&bytes, 0);
	int result = postfix->import->world->read(postfix->file, &bytes,
		postfix->error);
	if (result == 0)
		result = each_line(postfix, buffer_span(&bytes), take);
	else if (is_optional && postfix->error->code == ERROR_GONE)
		result = 0;
	buffer_fini(&bytes);
	return result;
}

int
import_postfix(struct config_import *import, const char *directory,
	struct error *error)
{
	struct postfix postfix = { .import = import, .error = error,
		.setting = arena_new_array(&import->arena, SETTINGS,
		sizeof(struct setting)) };
	if (read_one(&postfix, directory, "main.cf", false, take_setting) < 0)
		return -1;
	for (size_t i = 0; i < postfix.count; i++)
		carry_one(&postfix, &postfix.setting[i]);
	if (read_one(&postfix, directory, "master.cf", true, take_service) < 0)
		return -1;
	if (postfix.last_service > 0)
		close_ports(&postfix);
	return 0;
}
