/*
 * Where a message goes: the next hop as the queue names it, the hosts that take
 * mail for it, and their addresses, each in the order in which they are tried.
 *
 *	RFC 5321 5.1 MX, preferences, aliases, implicit MX, ourselves in the list
 *	RFC 7505 null MX	RFC 5321 4.1.3 address literals
 */
#ifndef RELAY_NEXT_HOP_H
#define RELAY_NEXT_HOP_H

#include "relay/parameters.h"
#include "relay/verdict.h"
#include "serve/names_call.h"

enum {
	NEXT_HOP_HOSTS_LIMIT = 50,	/* of one domain; those beyond are left out */
	NEXT_HOP_ADDRESSES_LIMIT = 16,	/* of one host */
	NEXT_HOP_PORT = 25,
	NEXT_HOP_NAMES_WAIT = 60000,	/* ms for one question */
};

struct next_hop {
	struct span text;	/* as the queue gave it */
	struct span name;	/* a domain, or a host */
	uint16_t port;
	bool is_host;		/* stood in brackets or with a port: no MX */
	bool is_literal;	/* name is an address: .address */
	struct network_address address;
};

/*
 * "domain", "[host]", "[host]:port", "host:port"; a host may be an address, in
 * brackets also as [IPv6:2001:db8::1]. Spans point into the text.
 */
bool
next_hop_parse(struct span text, struct next_hop *hop);

/* What is asked for names and chance: the process's, or a test's. */
struct next_hop_world {
	/* several questions together, as names_ask_all */
	void (*ask)(void *context, struct arena *arena,
		const struct names_question *questions, size_t count);
	uint64_t (*random)(void);
	void *context;
	const struct parameters *settings;
};

void
next_hop_ask(const struct next_hop_world *world, struct arena *arena,
	struct span name, enum names_type type, struct names_answer *answer);

struct next_hop_host {
	struct span name;
	uint16_t preference;
};

struct next_hop_hosts {
	struct next_hop_host *host;
	size_t count;
	bool is_from_mx;	/* not an implicit MX, not given as a host */
	bool is_secure;		/* what the DNS said so far was validated */
	struct span domain;	/* after aliases */
};

/*
 * The hosts, best first. False, and *why: 5.1.10 null MX, 5.4.4 no such
 * domain, 5.4.6 we are the best ourselves, 4.4.3 nobody knows. Blocks.
 */
bool
next_hop_find(const struct next_hop *hop, const struct next_hop_world *world,
	struct arena *arena, struct next_hop_hosts *hosts, struct verdict *why);

struct next_hop_addresses {
	struct network_address address[NEXT_HOP_ADDRESSES_LIMIT];	/* and port */
	size_t count;
	struct span canonical;		/* the host's name after aliases */
	bool is_secure;			/* what was found is validated */
};

/*
 * The addresses of a host, IPv6 and IPv4 by turns. False, and *why: 5.4.4 it
 * has none, 4.4.3 nobody knows. Blocks.
 */
bool
next_hop_resolve(const struct next_hop *hop, const struct next_hop_host *host,
	const struct next_hop_world *world, struct arena *arena,
	struct next_hop_addresses *addresses, struct verdict *why);

/* ---- parts, for the tables of the tests ---- */

/* By preference; equal ones in an order of chance. */
void
next_hop_order(struct next_hop_host *host, size_t count,
	uint64_t (*random)(void));

/*
 * When our own name stands in the ordered list, it goes, and all that are not
 * better: they would give the message back to us. Returns how many are left.
 */
size_t
next_hop_without_own(const struct next_hop_host *host, size_t count,
	struct span own);

#endif
