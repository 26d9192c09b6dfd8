/*
 * dovecot.conf, what it includes, and the blocks in it (Dovecot 2.3) for
 * `posthouse config import`. Depth and number of files are bounded.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/import_config.h"

struct dovecot {
	struct config_import *import;
	struct import_place place;	/* being read */
	struct span block[IMPORT_DEPTH];	/* "service imap-login", ... */
	size_t depth;
	unsigned files, lines;
	struct span driver, args;	/* of the passdb or userdb block */
	bool is_narrow;			/* deny or master */
	struct buffer protocols;	/* of all lines so far */
	struct import_place protocols_place;	/* of the last; file NULL: none */
	struct error *error;
};

static int
fail(struct dovecot *dovecot, struct span found, const char *expected)
{
	return error_set(dovecot->error, ERROR_USAGE, "%s:%u: found \"%.*s\", "
		"expected %s", dovecot->place.file, dovecot->place.line,
		SPAN_PRINT(span_first(found, 80)), expected);
}

static void
say(struct dovecot *dovecot, struct span name, const char *text)
{
	import_say(dovecot->import, &dovecot->place, name, "%s", text);
}

/* The first word of the block at a depth. */
static bool
is_in(const struct dovecot *dovecot, size_t depth, const char *kind)
{
	struct span word, block;
	if (depth >= dovecot->depth)
		return false;
	block = dovecot->block[depth];
	return span_word(&block, &word) && span_equals(word, span_from(kind));
}

/* ---- settings ---- */

static bool
is_one_of(struct span word, const char *const *list)
{
	for (; *list != NULL; list++)
		if (span_equals_nocase(word, span_from(*list)))
			return true;
	return false;
}

/* All else in mail_location says where mail is, or which folders there are. */
static bool
is_of_indexes(struct span option)
{
	static const char *const names[] = { "INDEX", "INDEXPVT", "INDEXCACHE",
		"CONTROL", "VOLATILEDIR", "ITERINDEX", NULL };
	return is_one_of(span_first(option, span_find(option, '=')), names);
}

static void
take_mail_location(struct dovecot *dovecot, struct span value)
{
	struct config_import *import = dovecot->import;
	struct span rest = value, part;
	struct buffer out;
	bool is_first = true;
	if (!span_starts(value, SPAN("mbox:")) && !span_starts(value,
		SPAN("maildir:"))) {
		import_say(import, &dovecot->place, SPAN("mail_location"),
			"not carried over: this format is not read here; take "
			"the mail over with `posthouse import imap://...`");
		return;
	}
	buffer_init(&out, 0);
	size_t prefix = span_find(value, ':') + 1;
	buffer_add(&out, span_first(value, prefix));
	rest = span_skip(value, prefix);
	while (span_split(&rest, ':', &part)) {
		if (is_first || !is_of_indexes(part))
			buffer_print(&out, "%s%.*s", is_first ? "" : ":",
				SPAN_PRINT(part));
		else
			import_say(import, &dovecot->place,
				SPAN("mail_location"), "%.*s is left out: "
				"indexes are Posthouse's own", SPAN_PRINT(part));
		is_first = false;
	}
	import_set(import, &dovecot->place, "mail_location",
		buffer_span(&out));
	buffer_fini(&out);
}

/* Words of a list that Posthouse has too; the others are said. */
static void
take_words(struct dovecot *dovecot, const char *name, struct span value,
	const char *const *known, struct buffer *out)
{
	struct span word;
	while (config_next_item(&value, &word)) {
		if (is_one_of(word, known))
			buffer_print(out, "%s%.*s", out->size > 0 ? " " : "",
				SPAN_PRINT(word));
		else
			import_say(dovecot->import, &dovecot->place,
				span_from(name), "%.*s is left out: there is "
				"no such thing here", SPAN_PRINT(word));
	}
}

static void
take_protocols(struct dovecot *dovecot, struct span value)
{
	static const char *const known[] = { "imap", "pop3", "lmtp", NULL };
	static const struct span before = SPAN("$protocols");
	if (span_starts(value, before)) {
		value = span_skip(value, before.size);
	} else if (dovecot->protocols_place.file != NULL) {
		import_say(dovecot->import, &dovecot->protocols_place,
			SPAN("protocols"), "not carried over: %s:%u says "
			"something else", dovecot->place.file,
			dovecot->place.line);
		buffer_clear(&dovecot->protocols);
	}
	take_words(dovecot, "protocols", value, known, &dovecot->protocols);
	dovecot->protocols_place = dovecot->place;
}

static void
take_mechanisms(struct dovecot *dovecot, struct span value)
{
	static const char *const known[] = { "plain", "login",
		"scram-sha-256", "scram-sha-256-plus", NULL };
	struct buffer out;
	buffer_init(&out, 0);
	take_words(dovecot, "auth_mechanisms", value, known, &out);
	if (out.size > 0)
		import_set(dovecot->import, &dovecot->place, "auth_mechanisms",
			buffer_span(&out));
	else
		say(dovecot, SPAN("auth_mechanisms"), "not carried over: "
			"nothing is left of it");
	buffer_fini(&out);
}

/* "</etc/ssl/x.pem" */
static void
take_file(struct dovecot *dovecot, struct span name, const char *ours,
	struct span value)
{
	if (!span_starts(value, SPAN("<"))) {
		say(dovecot, name, "not carried over: it is not a file");
		return;
	}
	import_set_as(dovecot->import, &dovecot->place, name, ours,
		span_trim(span_skip(value, 1)));
}

static void
take_connections(struct dovecot *dovecot, struct span name, struct span value)
{
	if (import_set_as(dovecot->import, &dovecot->place, name,
	    "imap_user_connection_limit", value))
		say(dovecot, name,
			"it counts an account from everywhere now");
}

/* A setting outside of blocks. */
static void
take_global(struct dovecot *dovecot, struct span name, struct span value)
{
	static const char *const same[] = { "disable_plaintext_auth",
		"auth_failure_delay", "auth_cache_ttl", "first_valid_uid",
		"last_valid_uid", NULL };
	struct config_import *import = dovecot->import;
	const struct config_parameter *parameter = config_find_parameter(name);
	if (span_equals(name, SPAN("mail_location"))) {
		take_mail_location(dovecot, value);
	} else if (span_equals(name, SPAN("protocols"))) {
		take_protocols(dovecot, value);
	} else if (span_equals(name, SPAN("auth_mechanisms"))) {
		take_mechanisms(dovecot, value);
	} else if (span_equals(name, SPAN("ssl_cert"))) {
		take_file(dovecot, name, "tls_cert_file", value);
	} else if (span_equals(name, SPAN("ssl_key"))) {
		take_file(dovecot, name, "tls_key_file", value);
	} else if (span_equals(name, SPAN("login_trusted_networks"))) {
		if (import_set_as(import, &dovecot->place, name,
		    "proxy_networks", value))
			say(dovecot, name, "which is what Dovecot means by it; "
				"login_trusted_networks of Posthouse would "
				"keep all others from logging in");
	} else if (span_equals(name, SPAN("mail_max_userip_connections"))) {
		take_connections(dovecot, name, value);
	} else if (parameter != NULL && is_one_of(name, same)) {
		import_set(import, &dovecot->place, parameter->name, value);
	} else {
		import_say_known(import, &dovecot->place, "Dovecot", name,
			value);
	}
}

/* "port = 1143" in "inet_listener imap" */
static void
take_listener(struct dovecot *dovecot, struct span name, struct span value)
{
	static const char *const known[] = { "imap", "imaps", "pop3", "pop3s",
		NULL };
	struct span listener = dovecot->block[dovecot->depth - 1], kind, word;
	if (!span_word(&listener, &kind) || !span_word(&listener, &word) ||
		!is_one_of(word, known) || !span_equals(name, SPAN("port"))) {
		say(dovecot, name, "not carried over: Posthouse listens on "
			"inet_interfaces, and where the *_port parameters say");
		return;
	}
	import_set(dovecot->import, &dovecot->place, arena_print(
		&dovecot->import->arena, "%.*s_port", SPAN_PRINT(word)).data,
		value);
}

static void
take_plugin(struct dovecot *dovecot, struct span name, struct span value)
{
	struct span size = value;
	if (!span_equals(name, SPAN("quota_rule"))) {
		say(dovecot, name,
			"not carried over: there are no plugins");
		return;
	}
	bool is_kib = span_starts(value, SPAN("*:storage="));
	size = span_skip(value, span_find(value, '=') + 1);
	if ((!is_kib && !span_starts(value, SPAN("*:bytes="))) ||
		size.size == 0) {
		say(dovecot, name, "not carried over: only *:storage= and "
			"*:bytes= are, as mailbox_quota");
		return;
	}
	char last = size.data[size.size - 1];
	import_set_as(dovecot->import, &dovecot->place, name, "mailbox_quota",
		arena_print(&dovecot->import->arena, "%.*s%s",
		SPAN_PRINT(size), is_kib && last >= '0' && last <= '9' ? "K" :
		""));
}

/* ---- passdb ---- */

/* "driver = pgsql" in the file of an sql passdb */
static bool
is_pgsql(struct dovecot *dovecot, struct span path)
{
	struct buffer bytes;
	struct error error;
	struct span rest, line;
	bool result = false;
	buffer_init(&bytes, 0);
	dovecot->import->world->read(arena_copy_string(
		&dovecot->import->arena, path), &bytes, &error);
	rest = buffer_span(&bytes);
	while (!result && span_split(&rest, '\n', &line)) {
		size_t at = span_find(line, '=');
		result = span_equals(span_trim(span_first(line, at)),
			SPAN("driver")) && span_equals(span_trim(
			span_skip(line, at + 1)), SPAN("pgsql"));
	}
	buffer_fini(&bytes);
	return result;
}

static const char *
source_of(struct dovecot *dovecot, struct span path)
{
	struct span driver = dovecot->driver;
	if (span_equals(driver, SPAN("passwd-file")))
		return "passwd-file:";
	if (span_equals(driver, SPAN("ldap")))
		return "ldap:";
	return span_equals(driver, SPAN("sql")) && is_pgsql(dovecot, path) ?
		"pgsql:" : NULL;
}

/* A file by its path. Of ldap and pgsql: can the program read it as it is? */
static void
add_source_file(struct dovecot *dovecot, struct span block, const char *source,
	struct span path)
{
	struct config_import *import = dovecot->import;
	struct span whole = arena_print(&import->arena, "%s%.*s", source,
		SPAN_PRINT(path));
	if (import_is_right(import, &dovecot->place, block, arena_print(
	    &import->arena, "accounts=%.*s", SPAN_PRINT(whole)).data))
		import_add_source(import, &dovecot->place, whole);
}

/* The last of args is the file, those before it are options: username_format= */
static struct span
take_args(struct dovecot *dovecot, struct span block)
{
	struct span word, path = SPAN(""), rest = dovecot->args;
	while (span_word(&rest, &word)) {
		if (path.size > 0)
			import_say(dovecot->import, &dovecot->place, block,
				"%.*s is left out: it has no counterpart",
				SPAN_PRINT(path));
		path = word;
	}
	return path;
}

/* Of a passdb or a userdb: who there is says the source too. */
static void
end_source(struct dovecot *dovecot, struct span block)
{
	static const char *const system[] = { "pam", "shadow", "passwd",
		"bsdauth", NULL };
	if (dovecot->is_narrow) {
		say(dovecot, block, "not carried over: neither deny "
			"nor master users are known here");
		return;
	}
	if (is_one_of(dovecot->driver, system)) {
		import_add_source(dovecot->import, &dovecot->place,
			SPAN("system"));
		return;
	}
	struct span path = take_args(dovecot, block);
	const char *source = source_of(dovecot, path);
	if (source != NULL && path.size > 0 &&
	    span_find(path, '%') == path.size &&
	    span_find(path, ',') == path.size)
		add_source_file(dovecot, block, source, path);
	else
		import_say(dovecot->import, &dovecot->place, block, "not carried over: the driver %.*s is not known here; "
			"use passwd-file, ldap, pgsql or `posthouse user add`",
			SPAN_PRINT(dovecot->driver));
}

static void
end_userdb(struct dovecot *dovecot)
{
	static const char *const inner[] = { "prefetch", "static", NULL };
	if (is_one_of(dovecot->driver, inner))
		say(dovecot, SPAN("userdb"), "not carried over: mail of "
			"accounts that are no system users is Posthouse's own");
	else
		end_source(dovecot, SPAN("userdb"));
}

static void
take_passdb(struct dovecot *dovecot, struct span name, struct span value)
{
	struct arena *arena = &dovecot->import->arena;
	if (span_equals(name, SPAN("driver")))
		dovecot->driver = arena_copy(arena, value);
	else if (span_equals(name, SPAN("args")))
		dovecot->args = arena_copy(arena, value);
	else if (span_equals(name, SPAN("deny")) ||
		span_equals(name, SPAN("master")))
		dovecot->is_narrow |= span_equals(value, SPAN("yes"));
	else
		say(dovecot, name, "not carried over: sources are asked in "
			"the order of accounts");
}

/* ---- lines ---- */

static void
take_setting(struct dovecot *dovecot, struct span name, struct span value)
{
	if (is_in(dovecot, 0, "passdb") || is_in(dovecot, 0, "userdb"))
		take_passdb(dovecot, name, value);
	else if (is_in(dovecot, 1, "inet_listener"))
		take_listener(dovecot, name, value);
	else if (is_in(dovecot, 0, "service"))
		say(dovecot, name,
			"not needed: the processes are Posthouse's own");
	else if (is_in(dovecot, 0, "plugin"))
		take_plugin(dovecot, name, value);
	else if (is_in(dovecot, 0, "namespace"))
		say(dovecot, name, "not needed: there is one namespace, and "
			"folders for drafts, sent, junk and trash");
	else if (dovecot->depth == 0)
		take_global(dovecot, name, value);
	else if (span_equals(dovecot->block[0], SPAN("protocol imap")) &&
		span_equals(name, SPAN("mail_max_userip_connections")))
		take_connections(dovecot, name, value);
	else
		say(dovecot, name, "not carried over: settings for some "
			"protocols, clients or names only are not known here");
}

static int
begin_block(struct dovecot *dovecot, struct span name)
{
	if (dovecot->depth == IMPORT_DEPTH)
		return fail(dovecot, name, "blocks that are less deep");
	dovecot->block[dovecot->depth++] = arena_copy(
		&dovecot->import->arena, name);
	if (dovecot->depth == 1) {
		dovecot->driver = dovecot->args = SPAN("");
		dovecot->is_narrow = false;
	}
	return 0;
}

static int
end_block(struct dovecot *dovecot)
{
	if (dovecot->depth == 0)
		return fail(dovecot, SPAN("}"), "no } outside of a block");
	if (dovecot->depth == 1 && is_in(dovecot, 0, "passdb"))
		end_source(dovecot, SPAN("passdb"));
	if (dovecot->depth == 1 && is_in(dovecot, 0, "userdb"))
		end_userdb(dovecot);
	dovecot->depth--;
	return 0;
}

static int
read_file(struct dovecot *dovecot, const char *path, unsigned depth);

/* Names with wildcards, as the shell sees them, in their order. */
static int
include(struct dovecot *dovecot, struct span pattern, bool is_optional,
	unsigned depth)
{
	struct arena *arena = &dovecot->import->arena;
	struct import_place place = dovecot->place;
	const char *slash = strrchr(place.file, '/');
	int directory = slash == NULL ? 0 : (int)(slash - place.file + 1);
	const char *path = span_starts(pattern, SPAN("/")) ?
		arena_copy_string(arena, pattern) : arena_print(arena,
		"%.*s%.*s", directory, place.file, SPAN_PRINT(pattern)).data;
	const char **found;
	int result = 0;
	if (depth == IMPORT_DEPTH)
		return fail(dovecot, pattern, "includes that are less deep");
	size_t count = dovecot->import->world->find(path, arena, &found);
	if (count == 0)
		return is_optional || strpbrk(path, "*?[") != NULL ? 0 :
			fail(dovecot, pattern, "a file that is there");
	for (size_t i = 0; i < count && result == 0; i++)
		result = read_file(dovecot, found[i], depth + 1);
	dovecot->place = place;
	return result;
}

static struct span
unquote(struct span value)
{
	if (value.size >= 2 && (value.data[0] == '"' || value.data[0] == '\'') &&
		value.data[value.size - 1] == value.data[0])
		return span_skip(span_first(value, value.size - 1), 1);
	return value;
}

/* From a "#" that begins a word on, outside of quotes, it is a comment. */
static struct span
cut_comment(struct span line)
{
	char quote = '\0';
	for (size_t i = 0; i < line.size; i++) {
		char c = line.data[i];
		if (quote != '\0' ? c == quote : c == '"' || c == '\'')
			quote = quote != '\0' ? '\0' : c;
		else if (quote == '\0' && c == '#' && (i == 0 ||
			line.data[i - 1] == ' ' || line.data[i - 1] == '\t'))
			return span_first(line, i);
	}
	return line;
}

/* What the first word is decides: a value may have "{" in it, the name of a block
 * "=". */
static int
take_line(struct dovecot *dovecot, struct span line, unsigned depth)
{
	line = span_trim(cut_comment(line));
	struct span name = line, rest = line, word;
	if (!span_word(&rest, &word))
		return 0;
	name = span_first(word, span_find(word, '='));
	rest = span_trim(span_skip(line, name.size));
	if (name.size > 0 && span_starts(rest, SPAN("="))) {
		take_setting(dovecot, name,
			unquote(span_trim(span_skip(rest, 1))));
		return 0;
	}
	if (span_equals(line, SPAN("}")))
		return end_block(dovecot);
	if (rest.size > 0 && span_equals(name, SPAN("!include_try")))
		return include(dovecot, rest, true, depth);
	if (rest.size > 0 && span_equals(name, SPAN("!include")))
		return include(dovecot, rest, false, depth);
	if (line.size > 1 && span_ends_nocase(line, SPAN("{")))
		return begin_block(dovecot, span_trim(span_first(line,
			line.size - 1)));
	return fail(dovecot, line, "name = value, or name {");
}

static int
take_text(struct dovecot *dovecot, struct buffer *text, unsigned depth)
{
	struct span line = buffer_span(text);
	int result = span_find(line, '\0') < line.size ?
		fail(dovecot, SPAN("a NUL"), "text") :
		take_line(dovecot, line, depth);
	buffer_clear(text);
	return result;
}

/* "\" at the end of a line: the next goes on. */
static int
read_lines(struct dovecot *dovecot, struct span rest, unsigned depth)
{
	struct buffer text;
	struct span line;
	unsigned number = 0;
	int result = 0;
	buffer_init(&text, 0);
	while (result == 0 && span_split(&rest, '\n', &line)) {
		number++;
		if (++dovecot->lines > IMPORT_LINES_LIMIT || line.size +
			text.size > IMPORT_VALUE_LIMIT)
			result = fail(dovecot, span_first(line, 40),
				"fewer and shorter lines");
		if (text.size == 0)
			dovecot->place.line = number;
		bool continues = span_ends_nocase(line, SPAN("\\"));
		buffer_add(&text, span_first(line, line.size - continues));
		if (!continues && result == 0)
			result = take_text(dovecot, &text, depth);
	}
	if (result == 0)
		result = take_text(dovecot, &text, depth);
	buffer_fini(&text);
	return result;
}

static int
read_file(struct dovecot *dovecot, const char *path, unsigned depth)
{
	struct buffer bytes;
	if (++dovecot->files > IMPORT_FILES)
		return fail(dovecot, span_from(path), "fewer files");
	buffer_init(&bytes, 0);
	int result = dovecot->import->world->read(path, &bytes,
		dovecot->error);
	size_t blocks = dovecot->depth;
	dovecot->place = (struct import_place){ path, 0 };
	if (result == 0)
		result = read_lines(dovecot, buffer_span(&bytes), depth);
	if (result == 0 && dovecot->depth != blocks)
		result = fail(dovecot, SPAN("the end"), "as many } as {");
	buffer_fini(&bytes);
	return result;
}

int
import_dovecot(struct config_import *import, const char *directory,
	struct error *error)
{
	struct dovecot dovecot = { .import = import, .error = error };
	buffer_init(&dovecot.protocols, 0);
	int result = read_file(&dovecot, arena_print(&import->arena,
		"%s/dovecot.conf", directory).data, 0);
	if (result == 0 && dovecot.protocols_place.file != NULL)
		import_set(import, &dovecot.protocols_place, "protocols",
			buffer_span(&dovecot.protocols));
	buffer_fini(&dovecot.protocols);
	return result;
}
