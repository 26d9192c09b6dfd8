/*
 * Where answers come from, as the administrator's files and parameters say it:
 * dns_forwarders, the nameservers of resolv.conf(5), and trust anchors. Text
 * only; upstream.h uses it.
 */
#ifndef NAMES_SOURCES_H
#define NAMES_SOURCES_H

#include "base/buffer.h"
#include "base/network.h"

enum { SOURCES_SERVERS = 8, SOURCES_FILE_LIMIT = 65536, DNS_PORT = 53 };

struct sources_servers {
	struct network_address server[SOURCES_SERVERS];
	size_t count;
};

/* The list dns_forwarders, whose items the configuration has checked. Those
 * beyond SOURCES_SERVERS are not used. */
void
sources_read_forwarders(struct span list, struct sources_servers *servers);

/* The nameserver lines of resolv.conf; what is no address is passed over, and
 * so is our own port on the loopback (0: none), or we would ask ourselves. */
void
sources_read_resolv_conf(struct span text, unsigned own_port,
	struct sources_servers *servers);

/* The next record of a file of trust anchors (DS or DNSKEY, one a line), its
 * comment cut off; false after the last. */
bool
sources_next_anchor(struct span *rest, struct span *record);

#endif
