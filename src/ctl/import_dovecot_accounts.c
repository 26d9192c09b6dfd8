/*
 * passdb and userdb of dovecot.conf become sources of `accounts` (import_dovecot.h).
 */
#include "ctl/import_dovecot.h"

#include <string.h>

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

/* What cannot be carried over, and what to do. */
static void
refuse_source(struct dovecot *dovecot, struct span block, const char *source,
	struct span path)
{
	struct span driver = dovecot->driver;
	bool is_sql = span_equals(driver, SPAN("sql")) &&
		(dovecot->sql_driver.size == 0 ||
		span_equals(dovecot->sql_driver, SPAN("pgsql")));
	if (path.size == 0 && (is_sql || span_equals(driver, SPAN("ldap"))))
		import_say(dovecot->import, &dovecot->place, block, "not "
			"carried over: write the lines that this report says "
			"into a file, and name it in accounts: %s:FILE",
			is_sql ? "pgsql" : "ldap");
	else if (source != NULL && span_find(path, '%') < path.size)
		import_dovecot_say(dovecot, block, "not carried over: its "
			"file's name has a variable; name each file in "
			"accounts");
	else
		import_say(dovecot->import, &dovecot->place, block, "not "
			"carried over: the driver %.*s is not known here; "
			"use passwd-file, ldap, pgsql or `posthouse user add`",
			SPAN_PRINT(driver));
}

/* Of a passdb or a userdb: who there is says the source too. */
void
import_dovecot_end_passdb(struct dovecot *dovecot, struct span block)
{
	static const char *const system[] = { "pam", "shadow", "passwd",
		"bsdauth", NULL };
	if (dovecot->is_narrow) {
		import_dovecot_say(dovecot, block, "not carried over: neither "
			"deny nor master users are known here");
		return;
	}
	if (import_dovecot_is_one_of(dovecot->driver, system)) {
		import_add_source(dovecot->import, &dovecot->place,
			SPAN("system"));
		return;
	}
	struct span path = dovecot->path.size > 0 ? dovecot->path :
		take_args(dovecot, block);
	const char *source = source_of(dovecot, path);
	if (source != NULL && path.size > 0 &&
	    span_find(path, '%') == path.size &&
	    span_find(path, ',') == path.size)
		add_source_file(dovecot, block, source, path);
	else
		refuse_source(dovecot, block, source, path);
}

void
import_dovecot_end_userdb(struct dovecot *dovecot)
{
	static const char *const inner[] = { "prefetch", "static", NULL };
	if (import_dovecot_is_one_of(dovecot->driver, inner))
		import_dovecot_say(dovecot, SPAN("userdb"), "not carried over: "
			"mail of accounts that are no system users is "
			"Posthouse's own");
	else
		import_dovecot_end_passdb(dovecot, SPAN("userdb"));
}

/* ---- what was in files of its own before 2.4 ---- */

static const struct {
	const char *theirs, *source, *ours;
} lines[] = {
	{ "ldap_uris", "ldap", "uris" },
	{ "ldap_auth_dn", "ldap", "dn" },
	{ "ldap_auth_dn_password", "ldap", "dnpass" },
	{ "ldap_base", "ldap", "base" },
	{ "ldap_scope", "ldap", "scope" },
	{ "ldap_starttls", "ldap", "tls" },
	{ "passdb_ldap_bind", "ldap", "auth_bind" },
	{ "passdb_ldap_filter", "ldap", "pass_filter" },
	{ "userdb_ldap_filter", "ldap", "user_filter" },
	{ "passdb_sql_query", "pgsql", "password_query" },
	{ "userdb_sql_query", "pgsql", "user_query" },
};

/* With our variables; a password is not shown. */
static void
say_line(struct dovecot *dovecot, struct span name, const char *source,
	const char *ours, struct span value)
{
	struct buffer out;
	struct span bad;
	buffer_init(&out, 0);
	if (!import_dovecot_expand(value, &out, &bad)) {
		buffer_clear(&out);
		buffer_add(&out, value);
	}
	if (strcmp(ours, "dnpass") == 0) {
		buffer_clear(&out);
		buffer_add_string(&out, "...");
	}
	import_say(dovecot->import, &dovecot->place, name, "not carried over: "
		"write \"%s = %.*s\" into the file of a source %s:FILE of "
		"accounts", ours, SPAN_PRINT(span_first(buffer_span(&out), 300)),
		source);
	buffer_fini(&out);
}

bool
import_dovecot_take_of_source(struct dovecot *dovecot, struct span name,
	struct span value)
{
	if (span_equals(name, SPAN("sql_driver")))
		dovecot->sql_driver = arena_copy(&dovecot->import->arena,
			value);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (!span_equals(name, span_from(lines[i].theirs)))
			continue;
		say_line(dovecot, name, lines[i].source, lines[i].ours, value);
		return true;
	}
	return false;
}

/* pgsql HOST { parameters { dbname = mails } } */
void
import_dovecot_take_pgsql(struct dovecot *dovecot, struct span name,
	struct span value)
{
	bool is_secret = span_equals(name, SPAN("password"));
	import_say(dovecot->import, &dovecot->place, name, "not carried over: "
		"write \"host=%.*s\" and \"%.*s=%.*s\" into connect in the file "
		"of a source pgsql:FILE of accounts",
		SPAN_PRINT(import_dovecot_label(dovecot, 0)), SPAN_PRINT(name),
		SPAN_PRINT(is_secret ? SPAN("...") : span_first(value, 80)));
}

/* "password = %{ldap:userPassword}" in `fields {` */
static void
take_field(struct dovecot *dovecot, struct span name, struct span value)
{
	static const struct span before = SPAN("%{ldap:");
	bool is_passdb = import_dovecot_is_in(dovecot, 0, "passdb");
	if (span_starts(value, before) && span_ends_nocase(value, SPAN("}")) &&
	    span_equals(name, SPAN("password")) && is_passdb)
		say_line(dovecot, name, "ldap", "pass_attrs", arena_print(
			&dovecot->import->arena, "%.*s=password",
			SPAN_PRINT(span_skip(span_first(value, value.size - 1),
			before.size))));
	else
		import_dovecot_say(dovecot, name, "not carried over: what is "
			"known of an account is Posthouse's own; see doc/"
			"accounts.md for fields that a source may have");
}

void
import_dovecot_take_passdb(struct dovecot *dovecot, struct span name,
	struct span value)
{
	static const char *const narrow[] = { "deny", "master", "passdb_deny",
		"passdb_master", NULL };
	static const char *const driver[] = { "driver", "passdb_driver",
		"userdb_driver", NULL };
	struct arena *arena = &dovecot->import->arena;
	if (dovecot->depth > 1) {
		take_field(dovecot, name, value);
		return;
	}
	struct span full = import_dovecot_full_name(dovecot, name);
	if (import_dovecot_is_one_of(full, driver))
		dovecot->driver = arena_copy(arena, value);
	else if (span_equals(full, SPAN("args")))
		dovecot->args = arena_copy(arena, value);
	else if (span_equals(full, SPAN("passwd_file_path")))
		dovecot->path = arena_copy(arena, value);
	else if (import_dovecot_is_one_of(full, narrow))
		dovecot->is_narrow |= span_equals(value, SPAN("yes"));
	else if (!import_dovecot_take_of_source(dovecot, full, value))
		import_say_known(dovecot->import, &dovecot->place, "Dovecot",
			full, value);
}
