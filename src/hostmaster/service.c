/* hostmaster-admin: what is right, and making it right now. */
#include "hostmaster/service.h"

#include "base/clock.h"
#include "hostmaster/acme.h"
#include "hostmaster/facts.h"
#include "hostmaster/hostmaster.h"
#include "hostmaster/work.h"
#include "serve/admin.h"

struct hostmaster hostmaster;

/* REFRESH: whatever has changed is published when it is answered. */
static void
refresh(struct admin_call *call)
{
	struct error error;
	if (work_do(&error) < 0)
		admin_fail(call, "%s", error.text);
	else
		admin_ok(call);
}

/* ---- RECORDS [domain=]: what the domains need, as it is published ---- */

static bool
say_record(struct admin_call *call, struct span domain,
	const struct domain_record *record)
{
	admin_row_begin(call);
	admin_row_field(call, "domain", domain);
	admin_row_field(call, "owner", record->owner);
	admin_row_number(call, "ttl", record->ttl);
	admin_row_field(call, "type", span_from(record->type));
	admin_row_field(call, "data", record->data);
	admin_row_field(call, "reason", span_from(record->reason));
	if (record->is_optional)
		admin_row_field(call, "optional", SPAN("yes"));
	return admin_row_end(call);
}

static bool
say_domain(struct admin_call *call, const struct facts *facts,
	struct span domain)
{
	struct domain_facts found;
	struct domain_records records;
	if (!facts_records(facts, domain, &found, &records))
		return true;
	for (size_t i = 0; i < records.count; i++)
		if (!say_record(call, found.domain, &records.record[i]))
			return false;
	return true;
}

static void
list_records(struct admin_call *call)
{
	struct error error;
	struct span only = SPAN("");
	struct facts *facts = arena_new(call->arena, sizeof(*facts));
	bool is_found = false;
	tabline_get(call->fields, 2, "domain", &only);
	if (facts_find(facts, call->arena, clock_wall() / 1000,
	    clock_monotonic() + HOSTMASTER_PATIENCE, &error) < 0) {
		admin_fail(call, "%s", error.text);
		return;
	}
	for (size_t i = 0; i < facts->count; i++) {
		if (only.size > 0 && !span_equals_nocase(facts->domain[i],
		    only))
			continue;
		is_found = true;
		if (!say_domain(call, facts, facts->domain[i]))
			return;
	}
	if (only.size > 0 && !is_found)
		admin_fail(call, "%.*s is not a domain of this system",
			SPAN_PRINT(only));
	else
		admin_ok(call);
}

/* ---- TLSA-LIST: the keys in TLSA records ---- */

static void
list_keys(struct admin_call *call)
{
	struct tlsa_key keys[TLSA_KEYS];
	size_t count = tlsa_list(keys);
	int64_t now = clock_wall() / 1000;
	for (size_t i = 0; i < count; i++) {
		struct buffer hex;
		buffer_init(&hex, 0);
		buffer_add_hex(&hex, span_of(keys[i].hash,
			sizeof(keys[i].hash)));
		admin_row_begin(call);
		admin_row_field(call, "sha256", buffer_span(&hex));
		admin_row_number(call, "first", (uint64_t)keys[i].first);
		admin_row_number(call, "last", (uint64_t)keys[i].last);
		admin_row_field(call, "settled", tlsa_is_settled(keys[i].hash,
			now) ? SPAN("yes") : SPAN("no"));
		buffer_fini(&hex);
		if (!admin_row_end(call))
			return;
	}
	admin_ok(call);
}

/* TLSA-ANNOUNCE sha256=HEX: a key that the administrator will use. */
static void
announce(struct admin_call *call)
{
	uint8_t hash[CERTIFICATE_KEY_HASH];
	struct error error;
	struct span hex;
	if (!admin_need(call, "sha256", &hex))
		return;
	if (!span_to_hex_bytes(hex, hash, sizeof(hash))) {
		admin_fail(call, "sha256= is no SHA-256");
		return;
	}
	tlsa_announce(hash, clock_wall() / 1000);
	if (work_do(&error) < 0)
		admin_fail(call, "%s", error.text);
	else
		admin_ok(call);
}

static const struct admin_command commands[] = {
	{ "CERTIFICATE-LIST", acme_list },
	{ "CERTIFICATE-RENEW", acme_renew },
	{ "RECORDS", list_records },
	{ "REFRESH", refresh },
	{ "TLSA-LIST", list_keys },
	{ "TLSA-ANNOUNCE", announce },
	{ NULL, NULL },
};

static const struct admin_server server = { .commands = commands };

static const struct admin_command web_commands[] = {
	{ "CHALLENGE", acme_tell_challenge },
	{ NULL, NULL },
};

static const struct admin_server web_server = { .commands = web_commands };

void
service_accept_web(struct lot *lot, struct incoming *incoming)
{
	admin_accept(lot, incoming, &web_server);
}

void
service_accept_admin(struct lot *lot, struct incoming *incoming)
{
	admin_accept(lot, incoming, &server);
}
