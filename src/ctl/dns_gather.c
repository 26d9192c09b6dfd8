/* What the domains need: of the running hostmaster, or of the configuration and
 * the files that it would look at. */
#include <fcntl.h>
#include <ifaddrs.h>
#include <string.h>

#include "base/file.h"
#include "ctl/admin.h"
#include "ctl/dns.h"
#include "proto/address.h"
#include "trust/certificate_key.h"
#include "trust/domain_config.h"

enum { CERTIFICATE_LIMIT = 1 << 20, DOMAINS = 10000 };

void
dns_rows_init(struct dns_rows *rows)
{
	*rows = (struct dns_rows){ 0 };
	arena_init(&rows->arena, 0);
}

void
dns_rows_fini(struct dns_rows *rows)
{
	arena_fini(&rows->arena);
}

void
dns_rows_add(struct dns_rows *rows, const struct dns_row *row)
{
	if (rows->count == rows->room) {
		struct dns_row *old = rows->row;
		rows->room = rows->room == 0 ? 64 : rows->room * 2;
		rows->row = arena_new_array(&rows->arena, rows->room,
			sizeof(*old));
		if (rows->count > 0)
			memcpy(rows->row, old, rows->count * sizeof(*old));
	}
	struct dns_row *new = &rows->row[rows->count++];
	*new = *row;
	new->domain = arena_copy(&rows->arena, row->domain);
	new->owner = arena_copy(&rows->arena, row->owner);
	new->type = arena_copy(&rows->arena, row->type);
	new->data = arena_copy(&rows->arena, row->data);
	new->reason = arena_copy(&rows->arena, row->reason);
}

/* ---- hostmaster's ---- */

static void
take_row(void *context, const struct tabline *line)
{
	struct dns_row row = { .state = DNS_UNKNOWN };
	struct span ttl = SPAN(""), optional;
	uint64_t number = 0;
	if (!tabline_get(line, 2, "domain", &row.domain) ||
	    !tabline_get(line, 2, "owner", &row.owner) ||
	    !tabline_get(line, 2, "type", &row.type) ||
	    !tabline_get(line, 2, "data", &row.data))
		return;
	tabline_get(line, 2, "reason", &row.reason);
	if (tabline_get(line, 2, "ttl", &ttl))
		span_to_number(ttl, UINT32_MAX, &number);
	row.ttl = (uint32_t)number;
	row.is_optional = tabline_get(line, 2, "optional", &optional);
	dns_rows_add(context, &row);
}

/* ---- without it ---- */

static size_t
own_addresses(struct network_address *own, size_t room)
{
	struct ifaddrs *list;
	size_t count = 0;
	if (getifaddrs(&list) < 0)
		return 0;
	for (struct ifaddrs *one = list; one != NULL && count < room;
	    one = one->ifa_next)
		if (one->ifa_addr != NULL &&
		    (one->ifa_addr->sa_family == AF_INET ||
		    one->ifa_addr->sa_family == AF_INET6))
			own[count++] = network_address_from(one->ifa_addr,
				one->ifa_addr->sa_family == AF_INET ?
				sizeof(struct sockaddr_in) :
				sizeof(struct sockaddr_in6));
	freeifaddrs(list);
	return count;
}

static size_t
read_key(const struct config *config, uint8_t hash[CERTIFICATE_KEY_HASH])
{
	struct buffer pem;
	struct error error;
	buffer_init(&pem, 0);
	bool ok = file_read_whole(AT_FDCWD, config_text(config,
		"tls_cert_file"), CERTIFICATE_LIMIT, &pem, &error) == 0 &&
		certificate_key_hash(buffer_span(&pem), hash);
	buffer_fini(&pem);
	return ok ? 1 : 0;
}

struct listing {
	struct arena *arena;
	struct span domain[DOMAINS];
	size_t count;
};

static void
take_domain(void *context, const struct tabline *line)
{
	struct listing *listing = context;
	struct span domain, ascii;
	if (listing->count < DOMAINS &&
	    tabline_get(line, 2, "domain", &domain) &&
	    address_domain_to_ascii(listing->arena, domain, &ascii))
		listing->domain[listing->count++] = arena_copy_lower(
			listing->arena, ascii);
}

static void
add_domain(struct dns_rows *rows, const struct domain_facts *of_host,
	const struct listing *listing, struct span domain)
{
	struct domain_facts facts;
	struct domain_records records;
	if (!domain_config_facts_for(of_host, domain, listing->domain,
	    listing->count, &rows->arena, &facts))
		return;
	domain_records_find(&facts, &rows->arena, &records);
	for (size_t i = 0; i < records.count; i++) {
		const struct domain_record *record = &records.record[i];
		dns_rows_add(rows, &(struct dns_row){ .domain = facts.domain,
			.owner = record->owner, .data = record->data,
			.type = span_from(record->type), .ttl = record->ttl,
			.reason = span_from(record->reason),
			.is_optional = record->is_optional,
			.state = DNS_UNKNOWN });
	}
}

static int
gather_stopped(struct ctl *ctl, const char *only, struct dns_rows *rows)
{
	struct network_address own[64], chosen[DOMAIN_RECORDS_ADDRESSES];
	uint8_t key[1][CERTIFICATE_KEY_HASH];
	struct domain_facts facts;
	bool is_found = only == NULL;
	struct listing *listing = arena_new(&rows->arena, sizeof(*listing));
	listing->arena = &rows->arena;
	if (!domain_config_facts(ctl->config, &rows->arena, &facts))
		return ctl_fail("myhostname: found \"%s\", expected a name "
			"that the DNS can have", config_text(ctl->config,
			"myhostname"));
	facts.address = chosen;
	facts.address_count = domain_config_addresses(ctl->config, own,
		own_addresses(own, 64), chosen);
	facts.key = (const uint8_t (*)[CERTIFICATE_KEY_HASH])key;
	facts.key_count = read_key(ctl->config, key[0]);
	if (admin_each(ctl, "auth-admin", 0, "DOMAIN-LIST", NULL, take_domain,
	    NULL, listing) != 0)
		return 1;
	for (size_t i = 0; i < listing->count; i++) {
		if (only != NULL && !span_equals_nocase(listing->domain[i],
		    span_from(only)))
			continue;
		is_found = true;
		add_domain(rows, &facts, listing, listing->domain[i]);
	}
	return is_found ? 0 : ctl_fail("%s is not a domain of this system",
		only);
}

const char *
dns_plain_name(struct arena *arena, const char *domain)
{
	struct span name = span_from(domain), ascii;
	if (name.size > 1 && name.data[name.size - 1] == '.')
		name.size--;
	return address_domain_to_ascii(arena, name, &ascii) ?
		arena_copy_string(arena, ascii) : domain;
}

int
dns_gather(struct ctl *ctl, const char *domain, struct dns_rows *rows)
{
	if (domain != NULL)
		domain = dns_plain_name(&rows->arena, domain);
	const char *fields[] = { domain == NULL ? NULL : "domain", domain,
		NULL };
	struct error error;
	int control;
	if (ctl->config == NULL && ctl_load_config(ctl) != 0)
		return 1;
	if (system_connect(ctl->config, &control, &error) < 0) {
		if (error.code == ERROR_GONE)
			return gather_stopped(ctl, domain, rows);
		return ctl_fail_error(&error);
	}
	file_close(&control);
	if (admin_each(ctl, "hostmaster-admin", 0, "RECORDS", fields,
	    take_row, NULL, rows) != 0)
		return 1;
	return dns_keys_gather(ctl, rows);
}
