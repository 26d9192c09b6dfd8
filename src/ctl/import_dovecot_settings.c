/*
 * What the settings of dovecot.conf become (import_dovecot.h); of passdb and userdb in
 * import_dovecot_accounts.c.
 */
#include "ctl/import_dovecot.h"

/* All else in mail_location says where mail is, or which folders there are. */
static bool
is_of_indexes(struct span option)
{
	static const char *const names[] = { "INDEX", "INDEXPVT", "INDEXCACHE",
		"CONTROL", "VOLATILEDIR", "ITERINDEX", NULL };
	return import_dovecot_is_one_of(span_first(option, span_find(option, '=')), names);
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
		if (import_dovecot_is_one_of(word, known))
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
		import_dovecot_say(dovecot, SPAN("auth_mechanisms"), "not carried over: "
			"nothing is left of it");
	buffer_fini(&out);
}

/* "</etc/ssl/x.pem" */
static void
take_file(struct dovecot *dovecot, struct span name, const char *ours,
	struct span value)
{
	if (!span_starts(value, SPAN("<"))) {
		import_dovecot_say(dovecot, name, "not carried over: it is not a file");
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
		import_dovecot_say(dovecot, name,
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
			import_dovecot_say(dovecot, name, "which is what Dovecot means by it; "
				"login_trusted_networks of Posthouse would "
				"keep all others from logging in");
	} else if (span_equals(name, SPAN("mail_max_userip_connections"))) {
		take_connections(dovecot, name, value);
	} else if (parameter != NULL && import_dovecot_is_one_of(name, same)) {
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
		!import_dovecot_is_one_of(word, known) || !span_equals(name, SPAN("port"))) {
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

void
import_dovecot_take(struct dovecot *dovecot, struct span name, struct span value)
{
	if (import_dovecot_is_in(dovecot, 0, "passdb") || import_dovecot_is_in(dovecot, 0, "userdb"))
		import_dovecot_take_passdb(dovecot, name, value);
	else if (import_dovecot_is_in(dovecot, 1, "inet_listener"))
		take_listener(dovecot, name, value);
	else if (import_dovecot_is_in(dovecot, 0, "service"))
		import_dovecot_say(dovecot, name,
			"not needed: the processes are Posthouse's own");
	else if (import_dovecot_is_in(dovecot, 0, "plugin"))
		take_plugin(dovecot, name, value);
	else if (import_dovecot_is_in(dovecot, 0, "namespace"))
		import_dovecot_say(dovecot, name, "not needed: there is one namespace, and "
			"folders for drafts, sent, junk and trash");
	else if (dovecot->depth == 0)
		take_global(dovecot, name, value);
	else if (span_equals(dovecot->block[0], SPAN("protocol imap")) &&
		span_equals(name, SPAN("mail_max_userip_connections")))
		take_connections(dovecot, name, value);
	else
		import_dovecot_say(dovecot, name, "not carried over: settings for some "
			"protocols, clients or names only are not known here");
}
