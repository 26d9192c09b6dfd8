#include "hostmaster/facts.h"

#include <pthread.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "hostmaster/acme.h"
#include "hostmaster/hostmaster.h"
#include "serve/own_addresses.h"
#include "serve/process.h"

enum { CERTIFICATE_LIMIT = 1 << 20 };

/* ---- the machine ---- */

static size_t
own_addresses(struct network_address own[OWN_ADDRESSES_LIMIT])
{
	static pthread_mutex_t asking = PTHREAD_MUTEX_INITIALIZER;
	struct own_address list[OWN_ADDRESSES_LIMIT];
	size_t count = 0;
	pthread_mutex_lock(&asking);
	int found = own_addresses_ask(hostmaster.kernel, list);
	pthread_mutex_unlock(&asking);
	for (int i = 0; i < found; i++)
		if (!list[i].is_passing)
			own[count++] = list[i].address;
	return count;
}

/* ---- keys ---- */

static size_t
add_keys(uint8_t keys[TLSA_KEYS][CERTIFICATE_KEY_HASH])
{
	struct buffer pem;
	struct error error;
	size_t count = 0;
	int fd = process_file("tls_cert_file");
	buffer_init(&pem, 0);
	if (fd >= 0 && file_read_descriptor(fd, CERTIFICATE_LIMIT, &pem,
	    &error) == 0 && certificate_key_hash(buffer_span(&pem),
	    keys[count]))
		count++;
	buffer_fini(&pem);
	count += acme_public_hashes(keys + count, TLSA_KEYS - count);
	return count;
}

/* ---- all of it ---- */

static void
find_addresses(struct facts *facts)
{
	struct network_address own[OWN_ADDRESSES_LIMIT];
	size_t count = own_addresses(own);
	facts->host.address = facts->address;
	facts->host.address_count = domain_config_addresses(
		atomic_load(&hostmaster.config), own, count, facts->address);
}

static int
find_domains(struct facts *facts, int64_t deadline, struct error *error)
{
	struct domains domains;
	if (domains_ask(hostmaster.auth, deadline, facts->arena, &domains,
	    error) < 0)
		return -1;
	facts->domain = arena_new_array(facts->arena, domains.count + 1,
		sizeof(*facts->domain));
	for (size_t i = 0; i < domains.count; i++)
		facts->domain[facts->count++] = domains.row[i].name;
	return 0;
}

int
facts_find(struct facts *facts, struct arena *arena, int64_t now,
	int64_t deadline, struct error *error)
{
	uint8_t keys[TLSA_KEYS][CERTIFICATE_KEY_HASH];
	*facts = (struct facts){ .arena = arena };
	if (!domain_config_facts(atomic_load(&hostmaster.config), arena,
	    &facts->host))
		return error_set(error, ERROR_USAGE, "myhostname: found \"%s\", "
			"expected a name with its domain, such as "
			"mail.example.org", config_text(atomic_load(
			&hostmaster.config), "myhostname"));
	find_addresses(facts);
	size_t count = add_keys(keys);
	facts->host.key_count = tlsa_want(
		(const uint8_t (*)[CERTIFICATE_KEY_HASH])keys, count, now,
		facts->host.ttl, facts->key);
	facts->host.key = (const uint8_t (*)[CERTIFICATE_KEY_HASH])facts->key;
	return find_domains(facts, deadline, error);
}

bool
facts_records(const struct facts *facts, struct span domain,
	struct domain_facts *found, struct domain_records *records)
{
	if (!domain_config_facts_for(&facts->host, domain, facts->domain,
	    facts->count, facts->arena, found))
		return false;
	domain_records_find(found, facts->arena, records);
	return true;
}

bool
facts_is_signed(const struct facts *facts)
{
	struct span rest = span_from(config_text(atomic_load(
		&hostmaster.config), "dns_signed_zones"));
	struct span item, host = facts->host.host;
	bool has_host = false, is_signed = false;
	for (size_t i = 0; i < facts->count; i++)
		has_host |= span_find(facts->domain[i], '.') <
			facts->domain[i].size &&
			domain_records_is_below(host, facts->domain[i]);
	while (config_next_item(&rest, &item)) {
		item = arena_copy_lower(facts->arena, item);
		if (item.size > 0 && item.data[item.size - 1] == '.')
			item.size--;
		is_signed |= span_equals(item, SPAN("all")) ||
			domain_records_is_below(host, item);
	}
	return has_host && is_signed;
}

uint64_t
facts_sum(void)
{
	static const uint8_t key[16] = "posthouse facts";
	struct network_address own[OWN_ADDRESSES_LIMIT];
	uint8_t keys[TLSA_KEYS][CERTIFICATE_KEY_HASH];
	struct buffer bytes;
	size_t addresses = own_addresses(own), count = add_keys(keys);
	buffer_init(&bytes, 0);
	for (size_t i = 0; i < addresses; i++)
		buffer_add(&bytes, span_of(own[i].bytes,
			sizeof(own[i].bytes)));
	buffer_add(&bytes, span_of(keys, count * sizeof(keys[0])));
	uint64_t sum = hash_siphash(key, buffer_span(&bytes));
	buffer_fini(&bytes);
	return sum;
}
