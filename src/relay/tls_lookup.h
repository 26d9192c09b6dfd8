/*
 * What the DNS says about the TLS of a host: the questions that tls_policy.h
 * decides over.
 */
#ifndef RELAY_TLS_LOOKUP_H
#define RELAY_TLS_LOOKUP_H

#include "relay/next_hop.h"
#include "relay/tls_policy.h"

/* How a host is to be talked to. Everything lives in the arena. */
struct tls_plan {
	struct tls_demand demand;
	struct span sni;
	const struct span *names;	/* that the certificate may have */
	size_t name_count;
	const struct tls_tlsa *tlsa;
	size_t tlsa_count;
	bool is_ours;			/* TLSA records could not be asked for, by our
					 * own fault */
};

/*
 * Fills facts->dane when the level asks for it, decides, and says by which
 * names and records the host is verified. The rest of the facts is the
 * caller's. Blocks for TLSA questions.
 */
void
tls_lookup_plan(const struct next_hop *hop, const struct next_hop_hosts *hosts,
	const struct next_hop_host *host,
	const struct next_hop_addresses *addresses,
	const struct next_hop_world *world, struct arena *arena,
	struct tls_policy_facts *facts, struct tls_plan *plan);

#endif
