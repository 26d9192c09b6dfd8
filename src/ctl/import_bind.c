/*
 * A named.conf (BIND 9) for `posthouse config import`: zones, secondary zones, who may
 * have them and is told of them, and for whom the resolver works.
 */
#include "ctl/import_bind.h"

#include <string.h>

struct list {
	struct buffer items;
	struct import_place place;	/* of the last; file NULL: nothing */
};

struct bind {
	struct config_import *import;
	const struct import_bind_statement *all;
	struct span directory;		/* of paths that are not from the root on */
	struct list zones, secondaries, transfer, notify;
	struct list recursion;		/* of allow-recursion, or of recursion no */
	bool has_recursion_list;
	unsigned expanded;		/* elements of lists */
};

typedef void take_statement(struct bind *bind,
	const struct import_bind_statement *statement);

#define NOT "not carried over: "

static void
say(struct bind *bind, const struct import_bind_statement *statement,
	const char *text)
{
	import_say(bind->import, &statement->place, statement->word[0], "%s",
		text);
}

static void
add_item(struct list *list, const struct import_place *place, struct span item)
{
	struct span rest = buffer_span(&list->items), word;
	list->place = *place;
	while (config_next_item(&rest, &word))
		if (span_equals(word, item))
			return;
	buffer_print(&list->items, "%s%.*s", list->items.size > 0 ? " " : "",
		SPAN_PRINT(item));
}

static void
add_loopback(struct list *list, const struct import_place *place)
{
	add_item(list, place, SPAN("127.0.0.0/8"));
	add_item(list, place, SPAN("[::1]/128"));
}

static const struct import_bind_statement *
find_inner(const struct import_bind_statement *statement, const char *name)
{
	for (statement = statement->inner; statement != NULL;
	    statement = statement->next)
		if (span_equals(statement->word[0], span_from(name)))
			return statement;
	return NULL;
}

/* ---- lists of addresses ---- */

/* What stood in a list beside networks. */
struct found {
	bool any, none, localnets, localhost;
	struct span key;		/* its name; empty: none */
	struct span other;		/* no such acl; empty: none */
};

/* "2001:db8::/32" is "[2001:db8::]/32" here, and "192.168/16" has all its parts. */
static struct span
spell_network(struct bind *bind, struct span text)
{
	struct arena *arena = &bind->import->arena;
	size_t slash = span_find(text, '/'), dots = 0;
	struct span address = span_first(text, slash);
	if (span_find(address, ':') < address.size)
		return arena_print(arena, "[%.*s]%.*s", SPAN_PRINT(address),
			SPAN_PRINT(span_skip(text, slash)));
	for (size_t i = 0; i < address.size; i++)
		dots += address.data[i] == '.';
	return arena_print(arena, "%.*s%s%.*s", SPAN_PRINT(address),
		dots == 0 ? ".0.0.0" : dots == 1 ? ".0.0" : dots == 2 ? ".0" :
		"", SPAN_PRINT(span_skip(text, slash)));
}

/* The acl of a name; masters, primaries and the like name lists of servers. */
static const struct import_bind_statement *
find_list(struct bind *bind, struct span name, bool is_acl)
{
	static const char *const kinds[] = { "masters", "primaries",
		"remote-servers" };
	for (const struct import_bind_statement *s = bind->all; s != NULL;
	    s = s->next) {
		bool fits = is_acl && span_equals(s->word[0], SPAN("acl"));
		for (size_t i = 0; !is_acl && i < sizeof(kinds) /
		    sizeof(kinds[0]); i++)
			fits |= span_equals(s->word[0], span_from(kinds[i]));
		if (fits && span_equals(s->word[1], name))
			return s;
	}
	return NULL;
}

/* A word of a list of ours: what stood in quotes may have more in it. */
static bool
is_one_word(struct span text)
{
	struct span rest = text, word;
	return config_next_item(&rest, &word) && span_equals(word, text);
}

static bool
looks_like_address(struct span text)
{
	return is_one_word(text) && ((text.data[0] >= '0' && text.data[0] <= '9') ||
		span_find(text, ':') < text.size);
}

static bool
take_common_name(struct span word, struct found *found)
{
	const struct {
		const char *name;
		bool *is_there;
	} rows[] = { { "any", &found->any }, { "none", &found->none },
		{ "localnets", &found->localnets },
		{ "localhost", &found->localhost } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (span_equals_nocase(word, span_from(rows[i].name))) {
			*rows[i].is_there = true;
			return true;
		}
	return false;
}

/* An address match list, with its acls in their place. */
static void
expand(struct bind *bind, const struct import_bind_statement *item,
	unsigned depth, struct list *out, struct found *found)
{
	for (; item != NULL; item = item->next) {
		struct span word = item->word[0];
		bool is_excluded = span_starts(word, SPAN("!"));
		if (++bind->expanded > IMPORT_NAMES_LIMIT ||
			depth == IMPORT_DEPTH) {
			found->other = SPAN("a list that is too long");
			return;
		}
		if (is_excluded)
			word = word.size > 1 ? span_skip(word, 1) :
				item->word[1];
		const struct import_bind_statement *list = item->has_block ?
			item : find_list(bind, word, true);
		if (looks_like_address(word))
			add_item(out, &item->place, arena_print(
				&bind->import->arena, "%s%.*s", is_excluded ?
				"!" : "", SPAN_PRINT(spell_network(bind,
				word))));
		else if (is_excluded || (list == NULL &&
			!take_common_name(word, found)))
			*(span_equals(word, SPAN("key")) ? &found->key :
				&found->other) = item->words > 1 ?
				item->word[1] : word;
		else if (list != NULL)
			expand(bind, list->inner, depth + 1, out, found);
	}
}

/* Words of an item behind its address: "port 5353", "key x". */
static struct span
find_word(const struct import_bind_statement *statement, const char *name)
{
	for (size_t i = 0; i + 1 < statement->words; i++)
		if (span_equals(statement->word[i], span_from(name)))
			return statement->word[i + 1];
	return SPAN("");
}

/* Addresses of servers: "front" and each of them into the list. */
static void
add_servers(struct bind *bind, const struct import_bind_statement *statement,
	unsigned depth, struct span front, struct list *out)
{
	struct span port = find_word(statement, "port");
	for (const struct import_bind_statement *item = statement->inner;
	    item != NULL; item = item->next) {
		struct span own = find_word(item, "port"), key = find_word(item,
			"key"), word = item->word[0];
		const struct import_bind_statement *list = find_list(bind, word,
			false);
		own = own.size > 0 ? own : port;
		if (own.size > 0 && !is_one_word(own))
			continue;
		if (++bind->expanded > IMPORT_NAMES_LIMIT ||
			depth == IMPORT_DEPTH)
			return;
		if (looks_like_address(word))
			add_item(out, &item->place, arena_print(
				&bind->import->arena, "%.*s%.*s%s%.*s",
				SPAN_PRINT(front), SPAN_PRINT(word),
				own.size > 0 ? "@" : "", SPAN_PRINT(own)));
		else if (list != NULL)
			add_servers(bind, list, depth + 1, front, out);
		else
			import_say(bind->import, &item->place, word, NOT
				"no such list of servers is there");
		if (key.size > 0)
			import_say(bind->import, &item->place, key, NOT
				"nothing is signed with this server (TSIG) "
				"until =%.*s stands behind its address, and "
				"the key in the file of dns_tsig_keys",
				SPAN_PRINT(key));
	}
}

/* ---- for options and zones ---- */

static void
take_allow_transfer(struct bind *bind,
	const struct import_bind_statement *statement)
{
	struct found found = { .key = SPAN(""), .other = SPAN("") };
	size_t before = bind->transfer.items.size;
	expand(bind, statement->inner, 0, &bind->transfer, &found);
	if (found.any || found.localnets)
		say(bind, statement, NOT "whole zones are for nameservers that "
			"are named; set dns_allow_transfer");
	if (found.key.size > 0)
		import_say(bind->import, &statement->place, statement->word[0],
			NOT "write NETWORK=%.*s into dns_allow_transfer, and "
			"the key into the file of dns_tsig_keys",
			SPAN_PRINT(found.key));
	if (found.other.size > 0)
		import_say(bind->import, &statement->place, statement->word[0],
			NOT "\"%.*s\" is not supported in it; set "
			"dns_allow_transfer", SPAN_PRINT(found.other));
	if (found.localhost)
		add_loopback(&bind->transfer, &statement->place);
	if (bind->transfer.items.size > before)
		say(bind, statement, "carried over in dns_allow_transfer, "
			"which is for all zones");
	else if (found.none)
		say(bind, statement, "not needed: nobody may have whole zones, "
			"if nothing else is said");
}

static void
take_also_notify(struct bind *bind,
	const struct import_bind_statement *statement)
{
	size_t before = bind->notify.items.size;
	add_servers(bind, statement, 0, SPAN(""), &bind->notify);
	if (bind->notify.items.size > before)
		say(bind, statement, "carried over in dns_also_notify, which "
			"is for all zones");
}

static void
take_allow_query(struct bind *bind, const struct import_bind_statement *statement)
{
	const struct import_bind_statement *item = statement->inner;
	if (item != NULL && item->next == NULL && span_equals(item->word[0],
	    SPAN("any")))
		say(bind, statement, "not needed: zones are served to "
			"everybody");
	else
		say(bind, statement, NOT "zones are served to everybody; who "
			"may use the resolver is in dns_recursion_networks");
}

static void
take_allow_update(struct bind *bind,
	const struct import_bind_statement *statement)
{
	const struct import_bind_statement *item = statement->inner;
	if (item != NULL && item->next == NULL && span_equals(item->word[0],
	    SPAN("none")))
		say(bind, statement, "not needed: nobody changes zones from "
			"the network");
	else
		say(bind, statement, NOT "nobody changes zones from the "
			"network; change the file and run `posthouse reload`");
}

/* ---- options ---- */

static void
take_directory(struct bind *bind, const struct import_bind_statement *statement)
{
	say(bind, statement, "is in the paths of dns_zones");
}

static void
take_listen(struct bind *bind, const struct import_bind_statement *statement)
{
	struct span port = find_word(statement, "port");
	const struct import_bind_statement *item = statement->inner;
	if (port.size > 0 && !span_equals(port, SPAN("53")))
		import_set_as(bind->import, &statement->place,
			statement->word[0], "dns_port", port);
	if (item != NULL && item->next == NULL && span_equals(item->word[0],
	    SPAN("any")))
		say(bind, statement, "not needed: inet_interfaces is all, if "
			"nothing else is said");
	else
		say(bind, statement, NOT "use inet_interfaces, which is for "
			"mail too");
}

static void
take_forwarders(struct bind *bind, const struct import_bind_statement *statement)
{
	struct list list = { .place = { NULL, 0 } };
	buffer_init(&list.items, 0);
	add_servers(bind, statement, 0, SPAN(""), &list);
	if (list.items.size > 0)
		import_set_as(bind->import, &statement->place,
			statement->word[0], "dns_forwarders",
			buffer_span(&list.items));
	else
		say(bind, statement, "not needed: there are none, if nothing "
			"else is said");
	buffer_fini(&list.items);
}

static void
take_recursion(struct bind *bind, const struct import_bind_statement *statement)
{
	if (!span_equals_nocase(statement->word[1], SPAN("no"))) {
		say(bind, statement, "not needed: it is for "
			"dns_recursion_networks");
		return;
	}
	bind->recursion.place = statement->place;
	if (!bind->has_recursion_list)
		add_loopback(&bind->recursion, &statement->place);
	say(bind, statement, "carried over as dns_recursion_networks");
}

static void
take_allow_recursion(struct bind *bind,
	const struct import_bind_statement *statement)
{
	struct found found = { .key = SPAN(""), .other = SPAN("") };
	struct list list = { .place = { NULL, 0 } };
	buffer_init(&list.items, 0);
	expand(bind, statement->inner, 0, &list, &found);
	if (found.any) {
		say(bind, statement, NOT "the resolver is never for everybody; "
			"set dns_recursion_networks");
	} else if (found.other.size > 0 || found.key.size > 0) {
		import_say(bind->import, &statement->place, statement->word[0],
			NOT "\"%.*s\" is not supported in it",
			SPAN_PRINT(found.key.size > 0 ? found.key :
			found.other));
	} else if (found.localnets) {
		import_say(bind->import, &statement->place, statement->word[0],
			NOT "without dns_recursion_networks it is for this "
			"machine's private networks and mynetworks%s%.*s",
			list.items.size > 0 ? ", with it for those named: " :
			"", SPAN_PRINT(buffer_span(&list.items)));
	} else if (!bind->has_recursion_list) {
		if (found.localhost || list.items.size == 0)
			add_loopback(&list, &statement->place);
		bind->has_recursion_list = true;
		buffer_clear(&bind->recursion.items);
		buffer_add(&bind->recursion.items, buffer_span(&list.items));
		bind->recursion.place = statement->place;
		say(bind, statement, "carried over as dns_recursion_networks");
	} else {
		say(bind, statement, NOT "another list says who may use the "
			"resolver");
	}
	buffer_fini(&list.items);
}

static void
take_validation(struct bind *bind, const struct import_bind_statement *statement)
{
	if (span_equals(statement->word[1], SPAN("no")))
		import_set_as(bind->import, &statement->place,
			statement->word[0], "dns_validation", SPAN("no"));
	else
		say(bind, statement, "not needed: answers are validated; see "
			"dns_validation");
}

static void
take_rate_limit(struct bind *bind, const struct import_bind_statement *statement)
{
	const struct import_bind_statement *item = statement->inner;
	for (; item != NULL; item = item->next) {
		struct span name = item->word[0];
		const char *ours = span_equals(name,
			SPAN("responses-per-second")) ? "dns_rate_limit" :
			span_equals(name, SPAN("slip")) ? "dns_rate_limit_slip" :
			NULL;
		if (ours != NULL)
			import_set_as(bind->import, &item->place, name, ours,
				item->word[1]);
		else
			say(bind, item, NOT "clients are counted by networks, "
				"zones and kinds of answers; see "
				"dns_rate_limit");
	}
}

static void
take_cache_size(struct bind *bind, const struct import_bind_statement *statement)
{
	import_set_as(bind->import, &statement->place, statement->word[0],
		"dns_cache_size", statement->word[1]);
}

/* ---- zones ---- */

/* What the resolver answers by itself. */
static bool
is_of_loopback(struct span origin)
{
	static const char *const origins[] = { "localhost",
		"127.in-addr.arpa", "1.0.0.127.in-addr.arpa",
		"0.0.127.in-addr.arpa" };
	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++)
		if (span_equals_nocase(origin, span_from(origins[i])))
			return true;
	return span_ends_nocase(origin, SPAN("0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
		"0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa"));
}

/* Zones that distributions have beside those: of addresses that no host has. */
static bool
is_of_no_host(struct span origin)
{
	return span_equals_nocase(origin, SPAN("localhost.localdomain")) ||
		span_equals(origin, SPAN("0.in-addr.arpa")) ||
		span_equals(origin, SPAN("255.in-addr.arpa"));
}

static void
take_primary(struct bind *bind, const struct import_bind_statement *zone,
	struct span origin)
{
	const struct import_bind_statement *file = find_inner(zone, "file"),
		*format = find_inner(zone, "masterfile-format");
	struct arena *arena = &bind->import->arena;
	if (file == NULL || file->word[1].size == 0) {
		import_say(bind->import, &zone->place, origin, NOT
			"it has no file");
		return;
	}
	if (format != NULL && !span_equals(format->word[1], SPAN("text"))) {
		import_say(bind->import, &format->place, origin, NOT "its file "
			"is no text; make one with named-compilezone");
		return;
	}
	struct span path = file->word[1];
	if (!span_starts(path, SPAN("/")))
		path = arena_print(arena, "%.*s/%.*s",
			SPAN_PRINT(bind->directory), SPAN_PRINT(path));
	if (!is_one_word(path)) {
		import_say(bind->import, &file->place, origin, NOT "the name "
			"of its file has a blank or a comma");
		return;
	}
	struct span item = arena_print(arena, "%.*s:%.*s", SPAN_PRINT(origin),
		SPAN_PRINT(path));
	if (!import_is_right(bind->import, &zone->place, origin, arena_print(
	    arena, "dns_zones=%.*s", SPAN_PRINT(item)).data))
		return;
	add_item(&bind->zones, &zone->place, item);
	import_say(bind->import, &zone->place, origin, "carried over in "
		"dns_zones");
}

static void
take_secondary(struct bind *bind, const struct import_bind_statement *zone,
	struct span origin)
{
	const struct import_bind_statement *from = find_inner(zone, "masters");
	size_t before = bind->secondaries.items.size;
	if (from == NULL)
		from = find_inner(zone, "primaries");
	if (from != NULL)
		add_servers(bind, from, 0, arena_print(&bind->import->arena,
			"%.*s:", SPAN_PRINT(origin)), &bind->secondaries);
	import_say(bind->import, &zone->place, origin, "%s",
		bind->secondaries.items.size > before ?
		"carried over in dns_secondary_zones" :
		NOT "no address of a primary is there");
}

/* Statements of a zone; others are one sentence each. */
static const struct {
	const char *name;
	take_statement *take;		/* NULL: the text, or nothing to say */
	const char *text;
} zone_rows[] = {
	{ "type", NULL, NULL },
	{ "file", NULL, NULL },
	{ "masters", NULL, NULL },
	{ "primaries", NULL, NULL },
	{ "masterfile-format", NULL, NULL },
	{ "allow-transfer", take_allow_transfer, NULL },
	{ "also-notify", take_also_notify, NULL },
	{ "allow-query", take_allow_query, NULL },
	{ "allow-update", take_allow_update, NULL },
	{ "update-policy", take_allow_update, NULL },
	{ "notify", NULL, NOT "those of dns_also_notify are told" },
	{ "forwarders", NULL, NOT "forwarders are for all questions; see "
		"dns_forwarders" },
	{ "dnssec-policy", NULL, NOT "set dns_signed_zones; its key will be a "
		"new one, whose DS goes to the registrar" },
	{ "auto-dnssec", NULL, NOT "set dns_signed_zones; its key will be a "
		"new one, whose DS goes to the registrar" },
	{ "inline-signing", NULL, NOT "set dns_signed_zones; its key will be a "
		"new one, whose DS goes to the registrar" },
};

static void
take_zone_statement(struct bind *bind,
	const struct import_bind_statement *statement)
{
	for (size_t i = 0; i < sizeof(zone_rows) / sizeof(zone_rows[0]); i++) {
		if (!span_equals(statement->word[0],
		    span_from(zone_rows[i].name)))
			continue;
		if (zone_rows[i].take != NULL)
			zone_rows[i].take(bind, statement);
		else if (zone_rows[i].text != NULL)
			say(bind, statement, zone_rows[i].text);
		return;
	}
	say(bind, statement, NOT "this statement of BIND has no counterpart");
}

static void
take_zone(struct bind *bind, const struct import_bind_statement *zone)
{
	struct span origin = zone->word[1];
	const struct import_bind_statement *type = find_inner(zone, "type");
	struct span kind = type == NULL ? SPAN("") : type->word[1];
	bool is_primary = span_equals(kind, SPAN("master")) ||
		span_equals(kind, SPAN("primary"));
	if (origin.size > 1 && span_ends_nocase(origin, SPAN(".")))
		origin = span_first(origin, origin.size - 1);
	if (span_equals(kind, SPAN("hint")) || is_of_loopback(origin)) {
		import_say(bind->import, &zone->place, origin, "not needed: "
			"the resolver knows it by itself");
		return;
	}
	if (is_of_no_host(origin)) {
		import_say(bind->import, &zone->place, origin, NOT "no host has "
			"a name in it");
		return;
	}
	if (!is_one_word(origin) || span_find(origin, ':') < origin.size)
		import_say(bind->import, &zone->place, origin, NOT "it is not "
			"the name of a zone");
	else if (is_primary)
		take_primary(bind, zone, origin);
	else if (span_equals(kind, SPAN("slave")) || span_equals(kind,
		SPAN("secondary")))
		take_secondary(bind, zone, origin);
	else
		import_say(bind->import, &zone->place, origin, NOT "zones of "
			"type \"%.*s\" are not known here", SPAN_PRINT(kind));
	for (const struct import_bind_statement *s = zone->inner; s != NULL;
	    s = s->next)
		take_zone_statement(bind, s);
}

/* ---- outside ---- */

static const struct {
	const char *name;
	take_statement *take;
	const char *text;
} option_rows[] = {
	{ "directory", take_directory, NULL },
	{ "listen-on", take_listen, NULL },
	{ "listen-on-v6", take_listen, NULL },
	{ "forwarders", take_forwarders, NULL },
	{ "recursion", take_recursion, NULL },
	{ "allow-recursion", take_allow_recursion, NULL },
	{ "allow-query-cache", take_allow_recursion, NULL },
	{ "dnssec-validation", take_validation, NULL },
	{ "rate-limit", take_rate_limit, NULL },
	{ "max-cache-size", take_cache_size, NULL },
	{ "forward", NULL, "not needed: all questions go to dns_forwarders, if "
		"there are any" },
	{ "version", NULL, "not needed: nobody is told the version" },
};

static void
take_options(struct bind *bind, const struct import_bind_statement *options)
{
	size_t count = sizeof(option_rows) / sizeof(option_rows[0]);
	for (const struct import_bind_statement *s = options->inner; s != NULL;
	    s = s->next) {
		size_t i = 0;
		while (i < count && !span_equals(s->word[0],
			span_from(option_rows[i].name)))
			i++;
		if (i == count)
			take_zone_statement(bind, s);
		else if (option_rows[i].take != NULL)
			option_rows[i].take(bind, s);
		else
			say(bind, s, option_rows[i].text);
	}
}

static void
take_view(struct bind *bind, const struct import_bind_statement *view)
{
	for (const struct import_bind_statement *s = view->inner; s != NULL;
	    s = s->next)
		import_say(bind->import, &s->place, s->words > 1 ? s->word[1] :
			s->word[0], NOT "it is of the view %.*s; everybody "
			"gets the same answers here",
			SPAN_PRINT(view->word[1]));
}

static void
take_key(struct bind *bind, const struct import_bind_statement *key)
{
	import_say(bind->import, &key->place, key->word[1], NOT "write its "
		"name, algorithm and secret into the file of dns_tsig_keys, "
		"and =%.*s behind the addresses that have it",
		SPAN_PRINT(key->word[1]));
}

static const struct {
	const char *name;
	take_statement *take;
	const char *text;
} rows[] = {
	{ "options", take_options, NULL },
	{ "zone", take_zone, NULL },
	{ "view", take_view, NULL },
	{ "key", take_key, NULL },
	{ "acl", NULL, "is in the lists that name it" },
	{ "masters", NULL, "is in the lists that name it" },
	{ "primaries", NULL, "is in the lists that name it" },
	{ "remote-servers", NULL, "is in the lists that name it" },
	{ "logging", NULL, NOT "log_path and log_level say where and what is "
		"logged" },
	{ "controls", NULL, "not needed: use the command posthouse" },
	{ "trust-anchors", NULL, NOT "use dns_trust_anchor_file" },
	{ "managed-keys", NULL, NOT "use dns_trust_anchor_file" },
	{ "trusted-keys", NULL, NOT "use dns_trust_anchor_file" },
	{ "server", NULL, NOT "servers are all spoken with alike; a key "
		"of its stands behind its address, with =" },
	{ "statistics-channels", NULL, NOT "metrics are at /metrics on the web "
		"ports, and in `posthouse top`" },
};

static void
take_one(struct bind *bind, const struct import_bind_statement *statement)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!span_equals(statement->word[0], span_from(rows[i].name)))
			continue;
		if (rows[i].take != NULL)
			rows[i].take(bind, statement);
		else
			say(bind, statement, rows[i].text);
		return;
	}
	say(bind, statement, NOT "this statement of BIND has no counterpart");
}

/* The directory that options say, wherever they stand; else that of the file. */
static void
find_directory(struct bind *bind, const char *path)
{
	const char *slash = strrchr(path, '/');
	bind->directory = slash == NULL ? SPAN(".") : span_first(span_from(path),
		(size_t)(slash - path));
	for (const struct import_bind_statement *s = bind->all; s != NULL;
	    s = s->next) {
		const struct import_bind_statement *found =
			span_equals(s->word[0], SPAN("options")) ?
			find_inner(s, "directory") : NULL;
		if (found != NULL)
			bind->directory = found->word[1];
	}
}

static void
set_list(struct bind *bind, const struct list *list, const char *name)
{
	if (list->items.size > 0)
		import_set(bind->import, &list->place, name,
			buffer_span(&list->items));
}

int
import_bind(struct config_import *import, const char *path,
	struct error *error)
{
	struct import_bind_statement *first;
	struct bind bind = { .import = import };
	struct list *lists[] = { &bind.zones, &bind.secondaries,
		&bind.transfer, &bind.notify, &bind.recursion };
	static const char *const names[] = { "dns_zones", "dns_secondary_zones",
		"dns_allow_transfer", "dns_also_notify",
		"dns_recursion_networks" };
	if (import_bind_read(import, path, &first, error) < 0)
		return -1;
	bind.all = first;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		buffer_init(&lists[i]->items, 0);
	find_directory(&bind, path);
	for (const struct import_bind_statement *s = first; s != NULL;
	    s = s->next)
		take_one(&bind, s);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		set_list(&bind, lists[i], names[i]);
		buffer_fini(&lists[i]->items);
	}
	return 0;
}
