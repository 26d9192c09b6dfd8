/*
 * What the settings of dovecot.conf become (import_dovecot.h); of passdb and userdb in
 * import_dovecot_accounts.c.
 */
#include "ctl/import_dovecot.h"

#include <string.h>

/* All else in mail_location says where mail is, or which folders there are. */
static bool
is_of_indexes(struct span option)
{
	static const char *const names[] = { "INDEX", "INDEXPVT", "INDEXCACHE",
		"CONTROL", "VOLATILEDIR", "ITERINDEX", NULL };
	return import_dovecot_is_one_of(span_first(option, span_find(option, '=')), names);
}

static void
take_mail_location(struct dovecot *dovecot, struct span name,
	struct span value)
{
	struct config_import *import = dovecot->import;
	struct span rest = value, part;
	struct buffer out;
	bool is_first = true;
	if (!span_starts(value, SPAN("mbox:")) && !span_starts(value,
		SPAN("maildir:"))) {
		import_say(import, &dovecot->place, name,
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
			import_say(import, &dovecot->place, name,
				"%.*s is left out: "
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
		if (import_dovecot_is_one_of(word, known))
			buffer_print(out, "%s%.*s", out->size > 0 ? " " : "",
				SPAN_PRINT(word));
		else
			import_say(dovecot->import, &dovecot->place,
				span_from(name), "%.*s is left out: there is "
				"no such thing here", SPAN_PRINT(word));
	}
}

/* Without this word. */
static void
remove_word(struct buffer *list, struct span word)
{
	struct buffer kept;
	struct span rest = buffer_span(list), item;
	buffer_init(&kept, 0);
	while (config_next_item(&rest, &item))
		if (!span_equals_nocase(item, word))
			buffer_print(&kept, "%s%.*s", kept.size > 0 ? " " : "",
				SPAN_PRINT(item));
	buffer_clear(list);
	buffer_add(list, buffer_span(&kept));
	buffer_fini(&kept);
}

/* "protocols = $protocols pop3", in 2.4 "= $SET:protocols pop3", goes on with what
 * there is; so do lines of `protocols {`. */
static bool
cut_list_itself(struct span name, struct span *value)
{
	struct span rest = *value, word;
	if (!span_word(&rest, &word) || !span_starts(word, SPAN("$")))
		return false;
	word = span_skip(word, span_starts(word, SPAN("$SET:")) ? 5 : 1);
	if (!span_equals(word, name))
		return false;
	*value = rest;
	return true;
}

static void
take_list(struct dovecot *dovecot, struct span name, struct span value)
{
	static const char *const protocols[] = { "imap", "pop3", "lmtp", NULL };
	static const char *const mechanisms[] = { "plain", "login",
		"scram-sha-256", "scram-sha-256-plus", NULL };
	bool is_protocols = span_equals(name, SPAN("protocols"));
	struct buffer *list = is_protocols ? &dovecot->protocols :
		&dovecot->mechanisms;
	struct import_place *place = is_protocols ? &dovecot->protocols_place :
		&dovecot->mechanisms_place;
	bool goes_on = dovecot->depth > 0 || cut_list_itself(name, &value);
	if (!goes_on && place->file != NULL) {
		import_say(dovecot->import, place, name, "not carried over: "
			"%s:%u says something else", dovecot->place.file,
			dovecot->place.line);
		buffer_clear(list);
	}
	*place = dovecot->place;
	take_words(dovecot, is_protocols ? "protocols" : "auth_mechanisms",
		value, is_protocols ? protocols : mechanisms, list);
}

/* "imap = yes" in `protocols {` (2.4) */
static void
take_list_item(struct dovecot *dovecot, struct span list, struct span name,
	struct span value)
{
	if (!span_equals_nocase(value, SPAN("no"))) {
		take_list(dovecot, list, name);
		return;
	}
	remove_word(span_equals(list, SPAN("protocols")) ? &dovecot->protocols :
		&dovecot->mechanisms, name);
}

void
import_dovecot_end_lists(struct dovecot *dovecot)
{
	if (dovecot->protocols_place.file != NULL)
		import_set(dovecot->import, &dovecot->protocols_place,
			"protocols", buffer_span(&dovecot->protocols));
	if (dovecot->mechanisms_place.file == NULL)
		return;
	if (dovecot->mechanisms.size > 0)
		import_set(dovecot->import, &dovecot->mechanisms_place,
			"auth_mechanisms", buffer_span(&dovecot->mechanisms));
	else
		import_say(dovecot->import, &dovecot->mechanisms_place,
			SPAN("auth_mechanisms"), "not carried over: nothing is "
			"left of it");
}

/* "</etc/ssl/x.pem"; in 2.4 also without "<" */
static void
take_file(struct dovecot *dovecot, struct span name, const char *ours,
	struct span value)
{
	if (span_starts(value, SPAN("<")) && !span_starts(value, SPAN("<<")))
		value = span_trim(span_skip(value, 1));
	else if (!span_ends_nocase(name, SPAN("_file")) ||
		!span_starts(value, SPAN("/"))) {
		import_dovecot_say(dovecot, name,
			"not carried over: it is not a file");
		return;
	}
	import_set_as(dovecot->import, &dovecot->place, name, ours, value);
}

/* "2 secs", "1hour": a number and the first letter of the unit are ours too; of "m"
 * alone nobody could say what it is. */
static struct span
short_time(struct dovecot *dovecot, struct span value)
{
	size_t digits = 0;
	while (digits < value.size && value.data[digits] >= '0' &&
		value.data[digits] <= '9')
		digits++;
	struct span unit = span_trim(span_skip(value, digits));
	if (digits == 0 || unit.size < 2 || (unit.data[0] == 'm' &&
	    !span_starts(unit, SPAN("mi"))))
		return value;
	return arena_print(&dovecot->import->arena, "%.*s%c",
		SPAN_PRINT(span_first(value, digits)), unit.data[0]);
}

static void
take_connections(struct dovecot *dovecot, struct span name, struct span value)
{
	if (import_set_as(dovecot->import, &dovecot->place, name,
	    "imap_user_connection_limit", value))
		import_dovecot_say(dovecot, name,
			"it counts an account from everywhere now");
}

static void
take_cleartext(struct dovecot *dovecot, struct span name, struct span value)
{
	import_set_as(dovecot->import, &dovecot->place, name,
		"disable_plaintext_auth", span_equals_nocase(value, SPAN("no")) ?
		SPAN("yes") : SPAN("no"));
}

static void
take_trusted(struct dovecot *dovecot, struct span name, struct span value)
{
	if (import_set_as(dovecot->import, &dovecot->place, name,
	    "proxy_networks", value))
		import_dovecot_say(dovecot, name, "which is what Dovecot means "
			"by it; login_trusted_networks of Posthouse would keep "
			"all others from logging in");
}

static void
take_proxies(struct dovecot *dovecot, struct span name, struct span value)
{
	import_set_as(dovecot->import, &dovecot->place, name, "proxy_networks",
		value);
}

/* "1 GiB" and "1GB" are 1G here. */
static void
take_quota(struct dovecot *dovecot, struct span name, struct span value)
{
	size_t digits = 0;
	while (digits < value.size && value.data[digits] >= '0' &&
		value.data[digits] <= '9')
		digits++;
	struct span unit = span_trim(span_skip(value, digits));
	if (span_equals_nocase(value, SPAN("unlimited")) ||
	    span_equals(value, SPAN("0"))) {
		import_dovecot_say(dovecot, name,
			"not carried over: no limit is the default");
		return;
	}
	import_set_as(dovecot->import, &dovecot->place, name, "mailbox_quota",
		digits == 0 || (unit.size > 0 && strchr("bBkKmMgGtT",
		unit.data[0]) == NULL) ? value : arena_print(
		&dovecot->import->arena, "%.*s%s", SPAN_PRINT(span_first(value,
		digits)), unit.size == 0 || unit.data[0] == 'b' ||
		unit.data[0] == 'B' ? "" : (const char[]){ unit.data[0] &
		(char)~0x20, '\0' }));
}

/* Settings that become something: by their names outside of blocks. */
static const struct {
	const char *name, *ours;
	void (*take)(struct dovecot *dovecot, struct span name,
		struct span value);
} rows[] = {
	{ "mail_location", NULL, take_mail_location },
	{ "protocols", NULL, take_list },
	{ "auth_mechanisms", NULL, take_list },
	{ "ssl_cert", "tls_cert_file", NULL },
	{ "ssl_key", "tls_key_file", NULL },
	{ "ssl_server_cert_file", "tls_cert_file", NULL },
	{ "ssl_server_key_file", "tls_key_file", NULL },
	{ "auth_allow_cleartext", NULL, take_cleartext },
	{ "login_trusted_networks", NULL, take_trusted },
	{ "haproxy_trusted_networks", NULL, take_proxies },
	{ "mail_max_userip_connections", NULL, take_connections },
	{ "quota_storage_size", NULL, take_quota },
};

static bool
take_row(struct dovecot *dovecot, struct span name, struct span value)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!span_equals(name, span_from(rows[i].name)))
			continue;
		if (rows[i].take != NULL)
			rows[i].take(dovecot, name, value);
		else
			take_file(dovecot, name, rows[i].ours, value);
		return true;
	}
	return false;
}

/* A setting outside of blocks, or of one that is only a part of its name. */
static void
take_global(struct dovecot *dovecot, struct span name, struct span value)
{
	static const char *const same[] = { "disable_plaintext_auth",
		"first_valid_uid", "last_valid_uid", "recipient_delimiter",
		NULL };
	static const char *const times[] = { "auth_failure_delay",
		"auth_cache_ttl", NULL };
	struct config_import *import = dovecot->import;
	const struct config_parameter *parameter = config_find_parameter(name);
	if (take_row(dovecot, name, value) ||
	    import_dovecot_take_mail(dovecot, name, value) ||
	    import_dovecot_take_of_source(dovecot, name, value))
		return;
	if (parameter != NULL && import_dovecot_is_one_of(name, same))
		import_set(import, &dovecot->place, parameter->name, value);
	else if (parameter != NULL && import_dovecot_is_one_of(name, times))
		import_set(import, &dovecot->place, parameter->name,
			short_time(dovecot, value));
	else
		import_say_known(import, &dovecot->place, "Dovecot", name,
			value);
}

/* "port = 1143" in "inet_listener imap" */
static void
take_listener(struct dovecot *dovecot, struct span name, struct span value)
{
	static const char *const known[] = { "imap", "imaps", "pop3", "pop3s",
		NULL };
	struct span listener = dovecot->block[dovecot->depth - 1], kind, word;
	if (!span_word(&listener, &kind) || !span_word(&listener, &word) ||
		!import_dovecot_is_one_of(word, known) || (!span_equals(name, SPAN("port")) &&
		!span_equals(name, SPAN("inet_listener_port")))) {
		import_dovecot_say(dovecot, name, "not carried over: Posthouse listens on "
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
		import_dovecot_say(dovecot, name,
			"not carried over: there are no plugins");
		return;
	}
	bool is_kib = span_starts(value, SPAN("*:storage="));
	size = span_skip(value, span_find(value, '=') + 1);
	if ((!is_kib && !span_starts(value, SPAN("*:bytes="))) ||
		size.size == 0) {
		import_dovecot_say(dovecot, name, "not carried over: only *:storage= and "
			"*:bytes= are, as mailbox_quota");
		return;
	}
	char last = size.data[size.size - 1];
	import_set_as(dovecot->import, &dovecot->place, name, "mailbox_quota",
		arena_print(&dovecot->import->arena, "%.*s%s",
		SPAN_PRINT(size), is_kib && last >= '0' && last <= '9' ? "K" :
		""));
}

/* ---- blocks ---- */

/* Names of these blocks are no part of those of settings in them. */
static bool
is_filter(const struct dovecot *dovecot, size_t depth)
{
	static const char *const filters[] = { "protocol", "local", "remote",
		"local_name", "group", NULL };
	struct span word, block = dovecot->block[depth];
	return span_word(&block, &word) && import_dovecot_is_one_of(word,
		filters);
}

/* Words with "= yes" (2.4): of plugins, not of settings. */
static bool
is_word_list(struct span kind)
{
	static const char *const lists[] = { "mail_plugins", "login_plugins",
		"sieve_plugins", "sieve_extensions", "sieve_global_extensions",
		"imap_capability", NULL };
	return import_dovecot_is_one_of(kind, lists);
}

static void
take_namespace(struct dovecot *dovecot, struct span name)
{
	import_dovecot_say(dovecot, name, span_starts(name, SPAN("mail_")) ||
		span_equals(name, SPAN("location")) ?
		"not carried over: say mail_location of the system users' mail" :
		"not needed: there is one namespace, and folders for drafts, "
		"sent, junk and trash");
}

/* In a block of a kind that has no meaning of its own. */
static void
take_inner(struct dovecot *dovecot, struct span name, struct span value)
{
	struct span kind, block = dovecot->block[dovecot->depth - 1];
	bool is_narrow = false;
	for (size_t i = 0; i < dovecot->depth; i++)
		is_narrow |= is_filter(dovecot, i);
	if (!span_word(&block, &kind))
		kind = SPAN("");
	if (is_narrow && span_equals(dovecot->block[0],
	    SPAN("protocol imap")) && dovecot->depth == 1 &&
	    span_equals(name, SPAN("mail_max_userip_connections")))
		take_connections(dovecot, name, value);
	else if (is_narrow)
		import_dovecot_say(dovecot, name, "not carried over: settings "
			"for some protocols, clients or names only are not "
			"known here");
	else if (dovecot->depth == 1 && (span_equals(kind, SPAN("protocols")) ||
		span_equals(kind, SPAN("auth_mechanisms"))))
		take_list_item(dovecot, kind, name, value);
	else if (is_word_list(kind))
		import_say_known(dovecot->import, &dovecot->place, "Dovecot",
			kind, name);
	else if (dovecot->depth == 1)
		take_global(dovecot, import_dovecot_full_name(dovecot, name),
			value);
	else
		import_say_known(dovecot->import, &dovecot->place, "Dovecot",
			import_dovecot_full_name(dovecot, name), value);
}

/* $SET:name and $ENV:name (2.4) stand for what other lines say; `= $SET:protocols x`
 * is for take_list. */
static bool
has_reference(struct span name, struct span value)
{
	return !cut_list_itself(name, &value) &&
		(span_search(value, SPAN("$SET:")) < value.size ||
		span_search(value, SPAN("$ENV:")) < value.size);
}

void
import_dovecot_take(struct dovecot *dovecot, struct span name,
	struct span value)
{
	if (span_starts(name, SPAN("@")))
		import_dovecot_say(dovecot, name, "not carried over: groups of "
			"settings are not known here");
	else if (has_reference(name, value))
		import_say(dovecot->import, &dovecot->place, name, "not "
			"carried over: \"%.*s\" is not supported in it",
			SPAN_PRINT(span_first(value, 80)));
	else if (dovecot->depth == 0)
		take_global(dovecot, name, value);
	else if (import_dovecot_is_in(dovecot, 0, "passdb") ||
		import_dovecot_is_in(dovecot, 0, "userdb"))
		import_dovecot_take_passdb(dovecot, name, value);
	else if (import_dovecot_is_in(dovecot, 1, "inet_listener"))
		take_listener(dovecot, name, value);
	else if (import_dovecot_is_in(dovecot, 0, "service"))
		import_dovecot_say(dovecot, name,
			"not needed: the processes are Posthouse's own");
	else if (import_dovecot_is_in(dovecot, 0, "plugin"))
		take_plugin(dovecot, name, value);
	else if (import_dovecot_is_in(dovecot, 0, "namespace"))
		take_namespace(dovecot, name);
	else if (import_dovecot_is_in(dovecot, 0, "pgsql"))
		import_dovecot_take_pgsql(dovecot, name, value);
	else
		take_inner(dovecot, name, value);
}
