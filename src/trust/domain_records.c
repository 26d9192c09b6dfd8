/* See domain_records.h. Each function below is one kind of record. */
#include "trust/domain_records.h"

#include <stdarg.h>

#include "base/hash.h"

struct making {
	const struct domain_facts *facts;
	struct arena *arena;
	struct domain_records *records;
	bool has_host;			/* the host's name is in the domain */
};

/* What a record is, but for its owner and data. */
struct kind {
	const char *type;
	const char *reason;
	bool is_optional;
};

static struct span
below(struct making *making, const char *label, struct span name)
{
	return arena_print(making->arena, "%s.%.*s", label, SPAN_PRINT(name));
}

static void
add(struct making *making, struct span owner, const struct kind *kind,
	struct span data)
{
	struct domain_records *records = making->records;
	if (records->count == DOMAIN_RECORDS_LIMIT)
		return;
	records->record[records->count++] = (struct domain_record){
		.owner = owner, .type = kind->type, .data = data,
		.ttl = making->facts->ttl, .reason = kind->reason,
		.is_optional = kind->is_optional };
}

/* A TXT in strings of at most 255 octets (RFC 1035 3.3.14). */
static void
add_text(struct making *making, struct span owner, const char *reason,
	bool is_optional, struct span text)
{
	const struct kind kind = { "TXT", reason, is_optional };
	struct buffer data;
	buffer_init(&data, 0);
	do {
		buffer_add_string(&data, data.size == 0 ? "\"" : " \"");
		for (size_t i = 0; i < text.size && i < 255; i++) {
			if (text.data[i] == '"' || text.data[i] == '\\')
				buffer_add_byte(&data, '\\');
			buffer_add_byte(&data, text.data[i]);
		}
		buffer_add_byte(&data, '"');
		text = span_skip(text, 255);
	} while (text.size > 0);
	add(making, owner, &kind, arena_copy(making->arena,
		buffer_span(&data)));
	buffer_fini(&data);
}

bool
domain_records_is_below(struct span name, struct span domain)
{
	return span_equals(name, domain) || (name.size > domain.size &&
		span_ends_nocase(name, domain) &&
		name.data[name.size - domain.size - 1] == '.');
}

/* ---- a zone of its own ---- */

static void
add_zone(struct making *making)
{
	static const struct kind soa = { "SOA", "the domain is a zone of its "
		"own", false };
	static const struct kind ns = { "NS", "this system answers for the "
		"domain", false };
	struct span host = making->facts->host;
	if (!making->facts->is_zone)
		return;
	/* the serial is the nameserver's business; postmaster exists in every
	 * domain (RFC 5321 4.5.1) */
	add(making, making->facts->domain, &soa, arena_print(making->arena,
		"%.*s. postmaster.%.*s. 1 3600 900 1209600 %u",
		SPAN_PRINT(host), SPAN_PRINT(making->facts->domain),
		making->facts->ttl < 300 ? making->facts->ttl : 300));
	add(making, making->facts->domain, &ns, arena_print(making->arena,
		"%.*s.", SPAN_PRINT(host)));
}

/* ---- where mail goes ---- */

static void
add_mx(struct making *making)
{
	static const struct kind kind = { "MX", "other servers bring mail for "
		"the domain to this host (RFC 5321 5.1)", false };
	add(making, making->facts->domain, &kind, arena_print(making->arena,
		"10 %.*s.", SPAN_PRINT(making->facts->host)));
}

static void
add_addresses(struct making *making)
{
	static const struct kind four = { "A", "where the mail host is", false };
	static const struct kind six = { "AAAA", "where the mail host is",
		false };
	const struct domain_facts *facts = making->facts;
	char text[NETWORK_TEXT_SIZE];
	for (size_t i = 0; i < facts->address_count && making->has_host; i++) {
		network_address_format(&facts->address[i], text);
		add(making, facts->host, facts->address[i].family == AF_INET6 ?
			&six : &four, arena_copy(making->arena,
			span_from(text)));
	}
}

/* ---- who may send as the domain ---- */

/* RFC 7208: the hosts of MX send, and nobody else unless a relay does; 2.3: also
 * the name of HELO has a record. */
static void
add_spf(struct making *making)
{
	const struct domain_facts *facts = making->facts;
	const char *all = facts->has_relayhost ? "~all" : "-all";
	/* a name has one such record (3.2), and the domain above has it */
	if (facts->is_below && span_equals(facts->host, facts->domain))
		return;
	add_text(making, facts->domain, "only these hosts send mail of the "
		"domain (RFC 7208)", false, arena_print(making->arena,
		"v=spf1 mx %s", all));
	if (making->has_host && !span_equals(facts->host, facts->domain))
		add_text(making, facts->host, "the host says its name in HELO, "
			"and only it (RFC 7208 2.3)", true,
			SPAN("v=spf1 a -all"));
}

static void
add_dkim(struct making *making)
{
	const struct domain_facts *facts = making->facts;
	for (size_t i = 0; i < facts->dkim_count; i++)
		add_text(making, arena_print(making->arena,
			"%.*s._domainkey.%.*s",
			SPAN_PRINT(facts->dkim[i].selector),
			SPAN_PRINT(facts->domain)), "the key that mail of the "
			"domain is signed with (RFC 6376 3.6)", false,
			facts->dkim[i].record);
}

/* RFC 7489 6.3. Without DKIM mail that others forward would fail, so nothing is
 * asked for then. */
static void
add_dmarc(struct making *making)
{
	const struct domain_facts *facts = making->facts;
	const char *policy = facts->dkim_count > 0 ? "quarantine" : "none";
	add_text(making, below(making, "_dmarc", facts->domain), "what others "
		"do with mail that only pretends to be of the domain (RFC 7489)",
		false, facts->report.size == 0 ? arena_print(making->arena,
		"v=DMARC1; p=%s", policy) : arena_print(making->arena,
		"v=DMARC1; p=%s; rua=mailto:%.*s", policy,
		SPAN_PRINT(facts->report)));
}

/* ---- encryption on the way to us ---- */

/* RFC 7672 3.1.3 and 5.1: the key of the server, any certificate of it. */
static void
add_tlsa(struct making *making)
{
	static const struct kind kind = { "TLSA", "the key that TLS of the "
		"host has, now or next (DANE, RFC 7672)", true };
	const struct domain_facts *facts = making->facts;
	for (unsigned service = 0; service < DOMAIN_HTTPS &&
	    making->has_host; service++) {
		/* one port may be that of several */
		if (facts->port[service] == 0)
			continue;
		struct span owner = arena_print(making->arena,
			"_%u._tcp.%.*s", facts->port[service],
			SPAN_PRINT(facts->host));
		for (size_t i = 0; i < facts->key_count; i++) {
			struct buffer data;
			buffer_init(&data, 0);
			buffer_add_string(&data, "3 1 1 ");
			buffer_add_hex(&data, span_of(facts->key[i],
				sizeof(facts->key[i])));
			add(making, owner, &kind, arena_copy(making->arena,
				buffer_span(&data)));
			buffer_fini(&data);
		}
	}
}

static const struct kind to_host = { "CNAME", "clients look for their "
	"settings there", true };

static void
add_sts(struct making *making)
{
	static const struct kind web = { "CNAME", "where the MTA-STS policy is "
		"(RFC 8461 3.3)", true };
	const struct domain_facts *facts = making->facts;
	if (facts->sts_mode == MTA_STS_NONE || facts->port[DOMAIN_HTTPS] == 0)
		return;
	struct span policy = domain_records_policy(facts->sts_mode,
		facts->host, making->arena);
	struct span id = domain_records_policy_id(policy, making->arena);
	add_text(making, below(making, "_mta-sts", facts->domain),
		"others send to us by TLS only (MTA-STS, RFC 8461)", true,
		arena_print(making->arena, "v=STSv1; id=%.*s",
		SPAN_PRINT(id)));
	add(making, below(making, "mta-sts", facts->domain), &web,
		arena_print(making->arena, "%.*s.", SPAN_PRINT(facts->host)));
}

static void
add_tlsrpt(struct making *making)
{
	const struct domain_facts *facts = making->facts;
	if (facts->report.size > 0)
		add_text(making, below(making, "_smtp._tls", facts->domain),
			"others tell how TLS with us went (RFC 8460)", true,
			arena_print(making->arena,
			"v=TLSRPTv1; rua=mailto:%.*s",
			SPAN_PRINT(facts->report)));
}

/* ---- how clients find us ---- */

/* RFC 6186 3, RFC 8314 5.1; 3.4: a target of "." says that there is none. */
static void
add_services(struct making *making)
{
	static const struct {
		const char *label;
		enum domain_service service;
	} services[] = {
		{ "_submissions._tcp", DOMAIN_SUBMISSIONS },
		{ "_submission._tcp", DOMAIN_SUBMISSION },
		{ "_imaps._tcp", DOMAIN_IMAPS },
		{ "_imap._tcp", DOMAIN_IMAP },
		{ "_pop3s._tcp", DOMAIN_POP3S },
		{ "_pop3._tcp", DOMAIN_POP3 },
	};
	static const struct kind kind = { "SRV", "clients find the server by "
		"it (RFC 6186, RFC 8314)", true };
	const struct domain_facts *facts = making->facts;
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		unsigned port = facts->port[services[i].service];
		add(making, below(making, services[i].label, facts->domain),
			&kind, port == 0 ? SPAN("0 0 0 .") :
			arena_print(making->arena, "0 1 %u %.*s.", port,
			SPAN_PRINT(facts->host)));
	}
}

static void
add_settings(struct making *making)
{
	static const struct kind kind = { "SRV", "Outlook looks for its settings "
		"by it", true };
	const struct domain_facts *facts = making->facts;
	struct span target = arena_print(making->arena, "%.*s.",
		SPAN_PRINT(facts->host));
	if (facts->port[DOMAIN_HTTPS] == 0)
		return;
	add(making, below(making, "autoconfig", facts->domain), &to_host,
		target);
	add(making, below(making, "autodiscover", facts->domain), &to_host,
		target);
	add(making, below(making, "_autodiscover._tcp", facts->domain), &kind,
		arena_print(making->arena, "0 1 %u %.*s",
		facts->port[DOMAIN_HTTPS], SPAN_PRINT(target)));
}

void
domain_records_find(const struct domain_facts *facts, struct arena *arena,
	struct domain_records *records)
{
	struct making making = { .facts = facts, .arena = arena,
		.records = records, .has_host = domain_records_is_below(
		facts->host, facts->domain) };
	*records = (struct domain_records){ .record = arena_new_array(arena,
		DOMAIN_RECORDS_LIMIT, sizeof(struct domain_record)) };
	/* what holds for both the domain above says, the host's things too */
	making.has_host &= !facts->is_below;
	add_zone(&making);
	add_mx(&making);
	add_addresses(&making);
	add_spf(&making);
	add_dkim(&making);
	if (facts->is_below)
		return;
	add_dmarc(&making);
	add_tlsa(&making);
	add_sts(&making);
	add_tlsrpt(&making);
	add_services(&making);
	add_settings(&making);
}

/* ---- text ---- */

void
domain_records_print(const struct domain_records *records, struct span domain,
	struct buffer *out)
{
	for (size_t i = 0; i < records->count; i++) {
		const struct domain_record *record = &records->record[i];
		struct span owner = record->owner;
		if (span_equals(owner, domain))
			owner = SPAN("@");
		else
			owner = span_first(owner,
				owner.size - domain.size - 1);
		buffer_print(out, "%.*s\t%u\tIN\t%s\t%.*s\n",
			SPAN_PRINT(owner), record->ttl, record->type,
			SPAN_PRINT(record->data));
	}
}

struct span
domain_records_policy(enum mta_sts_mode mode, struct span host,
	struct arena *arena)
{
	return arena_print(arena, "version: STSv1\r\nmode: %s\r\nmx: %.*s\r\n"
		"max_age: %d\r\n", mta_sts_mode_name(mode), SPAN_PRINT(host),
		DOMAIN_RECORDS_STS_AGE);
}

struct span
domain_records_policy_id(struct span policy, struct arena *arena)
{
	static const uint8_t key[16] = "posthouse policy";
	return arena_print(arena, "%016llx",
		(unsigned long long)hash_siphash(key, policy));
}
