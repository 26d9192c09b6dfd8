/* See signer_ds.h. */
#include "names/signer_ds.h"

#include <string.h>

static bool
is_of(struct span data, const struct dns_name *origin,
	const struct signed_keys *keys, size_t place)
{
	uint8_t ds[CANONICAL_DS];
	const char *name = place == 0 ? keys->rollover.key :
		keys->rollover.next;
	if (name[0] == '\0' || strcmp(keys->known[place], name) != 0)
		return false;
	canonical_ds(origin, keys->data[place], CANONICAL_DNSKEY, ds);
	return span_equals(data, span_of(ds, sizeof(ds)));
}

void
signer_ds_read(const struct message_answer *answer,
	const struct dns_name *origin, const struct signed_keys *keys,
	struct rollover_ds *ds)
{
	struct rollover_ds found = { .is_known = true };
	struct dns_reader reader;
	struct dns_record record;
	if (!answer->is_secure || answer->is_bogus || answer->rcode !=
	    DNS_NO_ERROR || !dns_read(&reader, answer->packet))
		return;
	while (dns_read_record(&reader, &record)) {
		if (record.section != DNS_ANSWER ||
		    record.type != DNS_TYPE_DS ||
		    !dns_name_equals(&record.owner, origin))
			continue;
		struct span data = dns_data(answer->packet, &record);
		found.has_any = true;
		found.has_key |= is_of(data, origin, keys, 0);
		found.has_next |= is_of(data, origin, keys, 1);
		if (record.ttl > found.ttl)
			found.ttl = record.ttl;
	}
	if (!reader.is_malformed)
		*ds = found;
}
