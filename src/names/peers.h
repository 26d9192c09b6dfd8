/*
 * Other nameservers as the configuration has them, with the key that both sides
 * sign with (RFC 8945): "192.0.2.1@5353=transfer.example". Text only.
 */
#ifndef NAMES_PEERS_H
#define NAMES_PEERS_H

#include "names/sources.h"
#include "proto/dns.h"

struct peer {
	struct network_address address;
	bool has_key;
	struct dns_name key;
};

struct peers {
	struct peer peer[SOURCES_SERVERS];
	size_t count;
};

/* "ADDRESS", "ADDRESS@PORT", "[ADDRESS]:PORT", each perhaps with =KEY. */
bool
peers_parse(struct span item, struct peer *peer);

/* The list dns_also_notify; what is beyond SOURCES_SERVERS is not used. */
void
peers_read(struct span list, struct peers *peers);

/*
 * May that client, who signed with `key` (NULL: with none of ours), by a list of
 * networks, each perhaps with =KEY or with a ! before it? The first one that has
 * him says whether a key is needed; when it is, any of his that stand in the list
 * will do, so that an old key and a new one can stand side by side.
 */
bool
peers_allow(struct span list, const struct network_address *client,
	const struct dns_name *key);

#endif
