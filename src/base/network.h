/*
 * Client addresses and networks in CIDR notation (mynetworks and the like).
 */
#ifndef BASE_NETWORK_H
#define BASE_NETWORK_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/span.h"

enum { NETWORK_TEXT_SIZE = 64 };

#define NETWORK_NO_UID UINT32_MAX	/* the kernel did not say */

/* An IP address and port, or AF_UNIX for a local client. Flat, by value. */
struct network_address {
	uint16_t family;	/* AF_INET, AF_INET6, AF_UNIX; 0: unknown */
	uint16_t port;		/* host byte order */
	uint8_t bytes[16];	/* network byte order; IPv4 uses the first 4 */
	uint32_t uid;		/* AF_UNIX: the peer's uid (SO_PEERCRED) */
};

struct network_address
network_address_from(const struct sockaddr *address, socklen_t size);

/* And back: fills in *out and returns its size; AF_INET and AF_INET6 only. */
socklen_t
network_address_to_socket(const struct network_address *address,
	struct sockaddr_storage *out);

/* "192.0.2.1" or "2001:db8::1"; v4-mapped IPv6 becomes IPv4. */
bool
network_address_parse(struct span text, struct network_address *address);

/*
 * An address with or without a port: "192.0.2.1", "192.0.2.1@5353",
 * "2001:db8::1", "[2001:db8::1]:5353". `port` is what it has when none is said.
 */
bool
network_server_parse(struct span text, uint16_t port,
	struct network_address *server);

/* Without the port: "192.0.2.1", "2001:db8::1", "local". */
void
network_address_format(const struct network_address *address,
	char out[NETWORK_TEXT_SIZE]);

bool
network_is_loopback(const struct network_address *address);

/*
 * Is the address in the list ("127.0.0.0/8, ![::1]/128 10.1.2.3")? The first item
 * that has it decides: one with ! says no. A local client is where the loopback
 * is.
 */
bool
network_list_contains(struct span list, const struct network_address *address);

/* The same of one item, without its !. */
bool
network_pattern_contains(struct span item,
	const struct network_address *address);

/* False when an item is not a network; *bad is that item. */
bool
network_list_is_valid(struct span list, struct span *bad);

/* Of a valid list: false when an item has bits of a host, as in 10.0.0.1/8, which
 * Postfix does not take in mynetworks; *bad is that item. */
bool
network_list_is_plain(struct span list, struct span *bad);

/* Is it an address or a network? */
bool
network_pattern_is_valid(struct span item);

/*
 * The network that limits count for: the address itself for IPv4, the /64 for
 * IPv6. Two addresses of one network give equal keys (memcmp of 17 bytes).
 */
void
network_limit_key(const struct network_address *address, uint8_t key[17]);

#endif
