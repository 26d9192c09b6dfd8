/* See settings.h. */
#include "ldap/settings.h"

#include <ldap.h>
#include <string.h>

#include "base/config.h"
#include "base/settings_file.h"
#include "ldap/filter.h"

enum setting {
	URIS, DN, DNPASS, BASE, SCOPE, AUTH_BIND, PASS_FILTER, PASS_ATTRS,
	USER_FILTER, USER_ATTRS, TLS, TLS_CA, PASS_SCHEME, LDAP_VERSION_3,
	DEREF, ITERATE_ATTRS, ITERATE_FILTER, SETTING_COUNT
};

static const char *const names[SETTING_COUNT + 1] = {
	[URIS] = "uris",
	[DN] = "dn",
	[DNPASS] = "dnpass",
	[BASE] = "base",
	[SCOPE] = "scope",
	[AUTH_BIND] = "auth_bind",
	[PASS_FILTER] = "pass_filter",
	[PASS_ATTRS] = "pass_attrs",
	[USER_FILTER] = "user_filter",
	[USER_ATTRS] = "user_attrs",
	[TLS] = "tls",
	[TLS_CA] = "tls_ca_cert_file",
	[PASS_SCHEME] = "default_pass_scheme",
	[LDAP_VERSION_3] = "ldap_version",
	[DEREF] = "deref",
	[ITERATE_ATTRS] = "iterate_attrs",	/* Dovecot's; not needed */
	[ITERATE_FILTER] = "iterate_filter",
};

struct reading {
	const char *path;
	struct arena *arena;
	struct span value[SETTING_COUNT];
	struct ldap_settings *settings;
	struct error *error;
};

static int
fail(struct reading *reading, enum setting setting, struct span found,
	const char *expected)
{
	return error_set(reading->error, ERROR_USAGE, "%s: %s: found "
		"\"%.*s\", expected %s", reading->path, names[setting],
		SPAN_PRINT(span_first(found, 80)), expected);
}

static int
read_bool(struct reading *reading, enum setting setting, bool *out)
{
	struct span value = reading->value[setting];
	*out = span_equals(value, SPAN("yes"));
	if (*out || value.size == 0 || span_equals(value, SPAN("no")))
		return 0;
	return fail(reading, setting, value, "yes or no");
}

/* One of some words; the first is what is meant without the line. */
static int
read_choice(struct reading *reading, enum setting setting,
	const char *const *words, int *out)
{
	struct span value = reading->value[setting];
	*out = 0;
	for (int i = 0; words[i] != NULL; i++)
		if (value.size == 0 || span_equals(value, span_from(words[i]))) {
			*out = i;
			return 0;
		}
	return fail(reading, setting, value, words[1] == NULL ? words[0] :
		"subtree, onelevel or base");
}

/* "ldap://host:389", "[::1]" for an IPv6 address. */
static bool
read_uri(struct reading *reading, struct span uri, struct ldap_server *server)
{
	uint64_t port;
	struct span rest;
	server->is_ldaps = span_starts(uri, SPAN("ldaps://"));
	if (!server->is_ldaps && !span_starts(uri, SPAN("ldap://")))
		return false;
	rest = span_skip(uri, server->is_ldaps ? 8 : 7);
	if (span_ends_nocase(rest, SPAN("/")))
		rest = span_first(rest, rest.size - 1);
	bool is_bracketed = span_starts(rest, SPAN("["));
	size_t end = span_find(rest, is_bracketed ? ']' : ':');
	server->host = is_bracketed ? span_skip(span_first(rest, end), 1) :
		span_first(rest, end);
	rest = span_skip(rest, end + (is_bracketed && end < rest.size));
	port = server->is_ldaps ? 636 : 389;
	if (rest.size > 0 && (rest.data[0] != ':' || !span_to_number(
		span_skip(rest, 1), 65535, &port) || port == 0))
		return false;
	server->port = (uint16_t)port;
	server->uri = arena_print(reading->arena, is_bracketed ?
		"ldap://[%.*s]" : "ldap://%.*s", SPAN_PRINT(server->host)).data;
	return server->host.size > 0 && server->host.size < 256 &&
		span_find(server->host, '/') == server->host.size;
}

static int
read_uris(struct reading *reading)
{
	struct ldap_settings *settings = reading->settings;
	struct span item, rest = reading->value[URIS];
	while (config_next_item(&rest, &item)) {
		if (settings->server_count == SETTINGS_SERVERS)
			return fail(reading, URIS, item, "at most 8 servers");
		if (!read_uri(reading, item,
			&settings->server[settings->server_count++]))
			return fail(reading, URIS, item,
				"ldap://HOST, ldap://HOST:PORT or ldaps://HOST");
	}
	return settings->server_count > 0 ? 0 :
		fail(reading, URIS, SPAN(""), "ldap://HOST");
}

/* ---- attributes ---- */

static enum ldap_field
field_of(struct span name)
{
	static const char *const forbidding[] = { "nologin", "nopassword",
		"allow_nets", "allow_real_nets", "proxy", "proxy_maybe",
		"pass", "master_user" };
	if (span_equals(name, SPAN("password")))
		return LDAP_FIELD_PASSWORD;
	if (span_equals(name, SPAN("quota")) ||
		span_equals(name, SPAN("quota_bytes")) ||
		span_equals(name, SPAN("quota_rule")) ||
		span_equals(name, SPAN("userdb_quota_rule")))
		return LDAP_FIELD_QUOTA;
	for (size_t i = 0; i < sizeof(forbidding) / sizeof(forbidding[0]); i++)
		if (span_equals(name, span_from(forbidding[i])))
			return LDAP_FIELD_FORBIDS;
	return LDAP_FIELD_NONE;
}

/* "uid=user, userPassword=password"; a field that nobody here needs is let
 * alone ("homeDirectory=home"). */
static int
read_attributes(struct reading *reading, enum setting setting,
	const char *standard, struct ldap_attributes *out)
{
	struct span item, rest = reading->value[setting];
	if (rest.size == 0)
		rest = span_from(standard);
	while (config_next_item(&rest, &item)) {
		size_t at = span_find(item, '=');
		struct span name = span_first(item, at);
		enum ldap_field field = at == item.size ? LDAP_FIELD_NONE :
			field_of(span_skip(item, at + 1));
		if (name.size == 0 || span_find(name, '%') < name.size)
			return fail(reading, setting, item, "attribute=field");
		if (field == LDAP_FIELD_NONE)
			continue;
		if (out->count == SETTINGS_ATTRIBUTES)
			return fail(reading, setting, item,
				"at most 8 attributes that are of use");
		out->name[out->count] = arena_copy_string(reading->arena, name);
		out->field[out->count++] = field;
	}
	/* Never everything that the directory has. */
	if (out->count == 0)
		out->name[0] = arena_copy_string(reading->arena, SPAN("1.1"));
	return 0;
}

static int
read_filter(struct reading *reading, enum setting setting, const char *standard,
	struct span *out)
{
	*out = reading->value[setting];
	if (out->size == 0)
		*out = span_from(standard);
	if (out->size == 0 || filter_check(*out, reading->error) == 0)
		return 0;
	return error_wrap(reading->error, "%s: %s", reading->path,
		names[setting]);
}

/* ---- all of it ---- */

static int
read_words(struct reading *reading)
{
	static const char *const scopes[] = { "subtree", "onelevel", "base",
		NULL };
	static const char *const versions[] = { "3", NULL };
	static const char *const derefs[] = { "never", NULL };
	static const int values[] = { LDAP_SCOPE_SUBTREE, LDAP_SCOPE_ONELEVEL,
		LDAP_SCOPE_BASE };
	struct ldap_settings *settings = reading->settings;
	int choice, ignored;
	if (read_choice(reading, SCOPE, scopes, &choice) < 0 ||
		read_choice(reading, LDAP_VERSION_3, versions, &ignored) < 0 ||
		read_choice(reading, DEREF, derefs, &ignored) < 0 ||
		read_bool(reading, AUTH_BIND, &settings->is_bind) < 0)
		return -1;
	settings->scope = values[choice];
	return read_bool(reading, TLS, &settings->is_tls);
}

static const char *
text_of(const struct reading *reading, enum setting setting)
{
	return reading->value[setting].size == 0 ? NULL :
		reading->value[setting].data;
}

int
ldap_settings_read(struct span text, const char *path, struct arena *arena,
	struct ldap_settings *settings, struct error *error)
{
	struct reading reading = { .path = path, .arena = arena,
		.settings = settings, .error = error };
	*settings = (struct ldap_settings){ .server_count = 0 };
	if (settings_file_parse(text, path, names, arena, reading.value,
		error) < 0 || read_words(&reading) < 0 ||
		read_uris(&reading) < 0 ||
		read_filter(&reading, PASS_FILTER,
		"(&(objectClass=posixAccount)(uid=%n))",
		&settings->pass_filter) < 0 ||
		read_filter(&reading, USER_FILTER, "",
		&settings->user_filter) < 0 ||
		read_attributes(&reading, PASS_ATTRS, settings->is_bind ?
		"" : "userPassword=password", &settings->pass) < 0 ||
		read_attributes(&reading, USER_ATTRS, "",
		&settings->user) < 0)
		return -1;
	settings->dn = text_of(&reading, DN);
	settings->password = text_of(&reading, DNPASS);
	settings->base = text_of(&reading, BASE);
	settings->ca_file = text_of(&reading, TLS_CA);
	struct span scheme = reading.value[PASS_SCHEME];
	if (scheme.size > 0 && !span_equals_nocase(scheme, SPAN("CRYPT")))
		settings->scheme = arena_print(arena, "{%.*s}",
			SPAN_PRINT(span_first(scheme, 40)));
	if (settings->base == NULL)
		return fail(&reading, BASE, SPAN(""), "dc=example,dc=com");
	if (strchr(settings->base, '%') != NULL)
		return fail(&reading, BASE, reading.value[BASE],
			"a name without variables");
	if ((settings->dn == NULL) != (settings->password == NULL))
		return fail(&reading, settings->dn == NULL ? DN : DNPASS,
			SPAN(""), "dn and dnpass together");
	return 0;
}
