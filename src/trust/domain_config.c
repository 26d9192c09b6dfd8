#include "trust/domain_config.h"

#include <string.h>

#include "base/interfaces.h"
#include "base/services.h"
#include "proto/address.h"

/* ---- ports ---- */

static const struct {
	enum domain_service service;
	const char *name, *parameter;
} services[] = {
	{ DOMAIN_SMTP, "smtp", "smtp_port" },
	{ DOMAIN_SUBMISSION, "submission", "submission_port" },
	{ DOMAIN_SUBMISSIONS, "submissions", "submissions_port" },
	{ DOMAIN_IMAP, "imap", "imap_port" },
	{ DOMAIN_IMAPS, "imaps", "imaps_port" },
	{ DOMAIN_POP3, "pop3", "pop3_port" },
	{ DOMAIN_POP3S, "pop3s", "pop3s_port" },
	{ DOMAIN_HTTPS, "https", "https_port" },
};

static uint16_t
port_of(const struct config *config, const char *name, const char *parameter)
{
	uint64_t port = config_number(config, parameter);
	return port == 0 || !services_is_on(config, name) ? 0 :
		(uint16_t)(port + config_number(config, "port_offset"));
}

static enum mta_sts_mode
mode_of(const struct config *config)
{
	const char *word = config_text(config, "mta_sts_mode");
	return strcmp(word, "enforce") == 0 ? MTA_STS_ENFORCE :
		strcmp(word, "testing") == 0 ? MTA_STS_TESTING : MTA_STS_NONE;
}

bool
domain_config_facts(const struct config *config, struct arena *arena,
	struct domain_facts *facts)
{
	*facts = (struct domain_facts){ .sts_mode = mode_of(config),
		.has_relayhost = !span_is_empty(span_trim(span_from(
			config_text(config, "relayhost")))),
		.ttl = (uint32_t)(config_duration(config, "dns_records_ttl") /
			1000) };
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		facts->port[services[i].service] = port_of(config,
			services[i].name, services[i].parameter);
	if (!address_domain_to_ascii(arena, span_from(config_text(config,
	    "myhostname")), &facts->host))
		return false;
	facts->host = arena_copy_lower(arena, facts->host);
	return span_find(facts->host, '.') < facts->host.size;
}

/* ---- one domain ---- */

bool
domain_config_facts_for(const struct domain_facts *of_host, struct span domain,
	const struct span *domains, size_t count, struct arena *arena,
	struct domain_facts *facts)
{
	*facts = *of_host;
	if (!address_domain_to_ascii(arena, domain, &facts->domain))
		return false;
	facts->domain = arena_copy_lower(arena, facts->domain);
	if (span_find(facts->domain, '.') == facts->domain.size ||
	    domain_records_is_below(facts->domain, SPAN("localhost")) ||
	    span_starts(facts->domain, SPAN("localhost.")))
		return false;
	for (size_t i = 0; i < count; i++)
		facts->is_below |= domains[i].size < facts->domain.size &&
			span_find(domains[i], '.') < domains[i].size &&
			domain_records_is_below(facts->domain, domains[i]);
	facts->is_zone = !facts->is_below;
	/* postmaster exists in every domain (RFC 5321 4.5.1) */
	facts->report = arena_print(arena, "postmaster@%.*s",
		SPAN_PRINT(facts->domain));
	return true;
}

/* ---- addresses ---- */

enum scope { SCOPE_NONE, SCOPE_PRIVATE, SCOPE_GLOBAL };

static enum scope
scope_of(const struct network_address *address)
{
	const uint8_t *b = address->bytes;
	if (address->family == AF_INET6) {
		static const uint8_t nobody[15];
		if (memcmp(b, nobody, sizeof(nobody)) == 0 || b[0] == 0xff ||
		    (b[0] == 0xfe && (b[1] & 0xc0) == 0x80))
			return SCOPE_NONE;
		return (b[0] & 0xfe) == 0xfc ? SCOPE_PRIVATE : SCOPE_GLOBAL;
	}
	if (address->family != AF_INET || b[0] == 0 || b[0] == 127 ||
	    b[0] >= 224 || (b[0] == 169 && b[1] == 254))
		return SCOPE_NONE;
	return b[0] == 10 || (b[0] == 172 && (b[1] & 0xf0) == 16) ||
		(b[0] == 192 && b[1] == 168) || (b[0] == 100 &&
		(b[1] & 0xc0) == 64) ? SCOPE_PRIVATE : SCOPE_GLOBAL;
}

/* Does it listen there? Host names in inet_interfaces are not looked up here:
 * with one any address may be meant. */
static bool
is_listened_on(const struct config *config,
	const struct network_address *address)
{
	struct span rest = span_from(config_text(config, "inet_interfaces"));
	struct span item;
	if (!interfaces_has_family(config, address->family))
		return false;
	while (config_next_item(&rest, &item)) {
		struct network_address one;
		if (span_equals_nocase(item, SPAN("loopback-only")))
			continue;
		if (item.size > 2 && item.data[0] == '[')
			item = span_first(span_skip(item, 1), item.size - 2);
		if (!network_address_parse(item, &one) ||
		    (one.family == address->family && memcmp(one.bytes,
		    address->bytes, sizeof(one.bytes)) == 0))
			return true;
	}
	return false;
}

static size_t
add(struct network_address *chosen, size_t count,
	const struct network_address *address)
{
	for (size_t i = 0; i < count; i++)
		if (chosen[i].family == address->family && memcmp(
		    chosen[i].bytes, address->bytes,
		    sizeof(address->bytes)) == 0)
			return count;
	if (count == DOMAIN_RECORDS_ADDRESSES)
		return count;
	chosen[count] = (struct network_address){ .family = address->family };
	memcpy(chosen[count].bytes, address->bytes, sizeof(address->bytes));
	return count + 1;
}

size_t
domain_config_addresses(const struct config *config,
	const struct network_address *own, size_t count,
	struct network_address *chosen)
{
	struct span rest = span_from(config_text(config, "dns_addresses"));
	struct span item;
	size_t found = 0;
	bool is_said = !span_is_empty(span_trim(rest));
	while (config_next_item(&rest, &item)) {
		struct network_address address;
		if (network_address_parse(item, &address) &&
		    scope_of(&address) != SCOPE_NONE)
			found = add(chosen, found, &address);
	}
	for (int scope = SCOPE_GLOBAL; scope > SCOPE_NONE && !is_said &&
	    found == 0; scope--)
		for (size_t i = 0; i < count; i++)
			if ((int)scope_of(&own[i]) == scope &&
			    is_listened_on(config, &own[i]))
				found = add(chosen, found, &own[i]);
	return found;
}
