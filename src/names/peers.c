/* Reading lists of nameservers; see peers.h. */
#include "names/peers.h"

#include "base/config.h"

/* "=KEY" */
static bool
read_key(struct span text, struct dns_name *key)
{
	return dns_name_from_text(span_skip(text, 1), key);
}

bool
peers_parse(struct span item, struct peer *peer)
{
	struct span key = config_take_key(&item);
	*peer = (struct peer){ .has_key = key.size > 0 };
	return (!peer->has_key || read_key(key, &peer->key)) &&
		network_server_parse(item, DNS_PORT, &peer->address);
}

void
peers_read(struct span list, struct peers *peers)
{
	struct span item;
	*peers = (struct peers){ .count = 0 };
	while (peers->count < SOURCES_SERVERS &&
	    config_next_item(&list, &item))
		if (peers_parse(item, &peers->peer[peers->count]))
			peers->count++;
}

bool
peers_allow(struct span list, const struct network_address *client,
	const struct dns_name *key)
{
	struct span item;
	struct dns_name wanted;
	bool is_excluded, is_key_needed = false;
	while (config_next_pattern(&list, &item, &is_excluded)) {
		struct span text = config_take_key(&item);
		if (!network_pattern_contains(item, client))
			continue;
		if (is_excluded)
			return false;
		if (text.size == 0 && !is_key_needed)
			return true;
		is_key_needed = true;
		if (text.size > 0 && key != NULL && read_key(text, &wanted) &&
		    dns_name_equals(key, &wanted))
			return true;
	}
	return false;
}
