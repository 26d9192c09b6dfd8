/*
 * passdb and userdb of dovecot.conf become sources of `accounts` (import_dovecot.h).
 */
#include "ctl/import_dovecot.h"

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
void
import_dovecot_end_passdb(struct dovecot *dovecot, struct span block)
{
	static const char *const system[] = { "pam", "shadow", "passwd",
		"bsdauth", NULL };
	if (dovecot->is_narrow) {
		import_dovecot_say(dovecot, block, "not carried over: neither deny "
			"nor master users are known here");
		return;
	}
	if (import_dovecot_is_one_of(dovecot->driver, system)) {
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

void
import_dovecot_end_userdb(struct dovecot *dovecot)
{
	static const char *const inner[] = { "prefetch", "static", NULL };
	if (import_dovecot_is_one_of(dovecot->driver, inner))
		import_dovecot_say(dovecot, SPAN("userdb"), "not carried over: mail of "
			"accounts that are no system users is Posthouse's own");
	else
		import_dovecot_end_passdb(dovecot, SPAN("userdb"));
}

void
import_dovecot_take_passdb(struct dovecot *dovecot, struct span name, struct span value)
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
		import_dovecot_say(dovecot, name, "not carried over: sources are asked in "
			"the order of accounts");
}
