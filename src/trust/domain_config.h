/*
 * The facts about our mail domains (domain_records.h) that the configuration
 * says. The caller adds the keys. Pure: no I/O.
 */
#ifndef TRUST_DOMAIN_CONFIG_H
#define TRUST_DOMAIN_CONFIG_H

#include "base/config.h"
#include "trust/domain_records.h"

/* Host, ports, policy, times. What the arena holds lives as long as it. False:
 * myhostname is no name that the DNS can have. */
bool
domain_config_facts(const struct config *config, struct arena *arena,
	struct domain_facts *facts);

/*
 * The same facts for one domain of ours: is it below another one, who gets the
 * reports. False when it is none that the world can know: without a dot, or
 * below localhost (RFC 6761 6.3).
 */
bool
domain_config_facts_for(const struct domain_facts *of_host, struct span domain,
	const struct span *domains, size_t count, struct arena *arena,
	struct domain_facts *facts);

/*
 * Which addresses of the host are told: those of dns_addresses, else of those
 * of the machine that it listens on the global ones, else private ones (RFC
 * 1918, RFC 4193, RFC 6598). Never loopback, link-local or multicast. At most
 * DOMAIN_RECORDS_ADDRESSES; their number.
 */
size_t
domain_config_addresses(const struct config *config,
	const struct network_address *own, size_t count,
	struct network_address *chosen);

#endif
