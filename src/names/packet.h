/*
 * An answer being written: octets in a fixed room, names compressed against
 * all that stand before them (RFC 1035 4.1.4). Nothing is allocated.
 */
#ifndef NAMES_PACKET_H
#define NAMES_PACKET_H

#include "names/message.h"
#include "names/zone.h"

enum { PACKET_NAMES = 64 };

struct packet {
	uint8_t *bytes;
	size_t size, limit;
	uint16_t flags, count[DNS_SECTIONS];
	bool is_dnssec_wanted;		/* signatures and proofs go with it (DO) */
	struct {
		uint32_t hash;
		uint16_t at;		/* 0: free */
	} names[PACKET_NAMES];		/* the last one of each place */
};

/* Begins with room for the header. */
void
packet_begin(struct packet *packet, uint8_t *bytes, size_t limit);

/* As it came. */
bool
packet_add_question(struct packet *packet,
	const struct dns_question *question);

/* The set whole, or nothing of it and false (RFC 2181 9). */
bool
packet_add_set(struct packet *packet, enum dns_section section,
	const struct dns_name *owner, const struct zone_set *set,
	uint32_t ttl);

/* OPT with `options` as on the wire; room for it is the caller's business. */
void
packet_add_edns(struct packet *packet, uint16_t udp_size, unsigned rcode,
	bool is_dnssec_wanted, struct span options);

/* Writes the header. */
void
packet_end(struct packet *packet, uint16_t id);

#endif
