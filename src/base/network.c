#include "base/network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static void
unmap_v4(struct network_address *address)
{
	if (address->family != AF_INET6 ||
	    memcmp(address->bytes, mapped, sizeof(mapped)) != 0)
		return;
	memmove(address->bytes, address->bytes + 12, 4);
	memset(address->bytes + 4, 0, 12);
	address->family = AF_INET;
}

static void
map_v4(struct network_address *address)
{
	memmove(address->bytes + 12, address->bytes, 4);
	memcpy(address->bytes, mapped, sizeof(mapped));
	address->family = AF_INET6;
}

struct network_address
network_address_from(const struct sockaddr *address, socklen_t size)
{
	struct network_address result = { 0 };
	if (size >= sizeof(struct sockaddr_in) &&
	    address->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, address, sizeof(in));
		result.family = AF_INET;
		result.port = ntohs(in.sin_port);
		memcpy(result.bytes, &in.sin_addr, 4);
	} else if (size >= sizeof(struct sockaddr_in6) &&
	    address->sa_family == AF_INET6) {
		struct sockaddr_in6 in;
		memcpy(&in, address, sizeof(in));
		result.family = AF_INET6;
		result.port = ntohs(in.sin6_port);
		memcpy(result.bytes, &in.sin6_addr, 16);
		unmap_v4(&result);
	} else if (size >= sizeof(sa_family_t) &&
	    address->sa_family == AF_UNIX) {
		result.family = AF_UNIX;
	}
	return result;
}

socklen_t
network_address_to_socket(const struct network_address *address,
	struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (address->family == AF_INET) {
		struct sockaddr_in *four = (struct sockaddr_in *)out;
		four->sin_family = AF_INET;
		four->sin_port = htons(address->port);
		memcpy(&four->sin_addr, address->bytes, 4);
		return sizeof(*four);
	}
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(address->port);
	memcpy(&six->sin6_addr, address->bytes, 16);
	return sizeof(*six);
}

bool
network_address_parse(struct span text, struct network_address *address)
{
	char string[NETWORK_TEXT_SIZE];
	struct network_address result = { 0 };
	if (text.size == 0 || text.size >= sizeof(string))
		return false;
	memcpy(string, text.data, text.size);
	string[text.size] = '\0';
	if (strlen(string) != text.size)
		return false;
	if (inet_pton(AF_INET, string, result.bytes) == 1)
		result.family = AF_INET;
	else if (inet_pton(AF_INET6, string, result.bytes) == 1)
		result.family = AF_INET6;
	else
		return false;
	unmap_v4(&result);
	*address = result;
	return true;
}

static bool
read_port(struct span text, uint16_t *port)
{
	uint64_t number;
	if (!span_to_number(text, 65535, &number) || number == 0)
		return false;
	*port = (uint16_t)number;
	return true;
}

bool
network_server_parse(struct span text, uint16_t port,
	struct network_address *server)
{
	struct span address = text;
	size_t at = span_find(text, '@'), end = span_find(text, ']');
	if (at < text.size) {
		address = span_first(text, at);
		if (!read_port(span_skip(text, at + 1), &port))
			return false;
	} else if (text.size > 0 && text.data[0] == '[') {
		address = span_skip(span_first(text, end), 1);
		struct span rest = span_skip(text, end + 1);
		if (end == text.size || (rest.size > 0 &&
		    (rest.data[0] != ':' || !read_port(span_skip(rest, 1),
		    &port))))
			return false;
	}
	if (!network_address_parse(address, server))
		return false;
	server->port = port;
	return true;
}

void
network_address_format(const struct network_address *address,
	char out[NETWORK_TEXT_SIZE])
{
	if ((address->family != AF_INET && address->family != AF_INET6) ||
	    inet_ntop(address->family, address->bytes, out,
	    NETWORK_TEXT_SIZE) == NULL)
		snprintf(out, NETWORK_TEXT_SIZE, "%s",
			address->family == AF_UNIX ? "local" : "unknown");
}

bool
network_is_loopback(const struct network_address *address)
{
	static const uint8_t one[16] = { [15] = 1 };
	switch (address->family) {
	case AF_UNIX:
		return true;
	case AF_INET:
		return address->bytes[0] == 127;
	case AF_INET6:
		return memcmp(address->bytes, one, 16) == 0;
	default:
		return false;
	}
}

/*
 * "192.0.2.0/24", "[2001:db8::]/32", "2001:db8::1": an address and a length.
 * [::ffff:127.0.0.0]/104, as Debian writes it into main.cf, stays IPv6: it is
 * taken, and no client is in it, because theirs are IPv4 by then; so in Postfix.
 */
static bool
parse_network(struct span item, struct network_address *address,
	unsigned *bits)
{
	struct span text = item, length = span_of(NULL, 0);
	size_t slash = span_find(item, '/');
	uint64_t number;
	if (slash < item.size) {
		text = span_first(item, slash);
		length = span_skip(item, slash + 1);
	}
	if (text.size >= 2 && text.data[0] == '[' &&
	    text.data[text.size - 1] == ']')
		text = span_of(text.data + 1, text.size - 2);
	if (!network_address_parse(text, address))
		return false;
	if (address->family == AF_INET && span_find(text, ':') < text.size)
		map_v4(address);
	*bits = address->family == AF_INET ? 32 : 128;
	if (slash == item.size)
		return true;
	if (!span_to_number(length, *bits, &number))
		return false;
	*bits = (unsigned)number;
	return true;
}

static bool
bits_are_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	if (memcmp(a, b, bits / 8) != 0)
		return false;
	if (bits % 8 == 0)
		return true;
	uint8_t mask = (uint8_t)(0xff << (8 - bits % 8));
	return (a[bits / 8] & mask) == (b[bits / 8] & mask);
}

bool
network_pattern_contains(struct span item,
	const struct network_address *address)
{
	struct network_address network;
	unsigned bits;
	if (!parse_network(item, &network, &bits))
		return false;
	if (address->family == AF_UNIX && network_is_loopback(&network))
		return true;
	return network.family == address->family &&
		bits_are_equal(network.bytes, address->bytes, bits);
}

bool
network_list_contains(struct span list, const struct network_address *address)
{
	struct span item;
	bool is_excluded;
	while (config_next_pattern(&list, &item, &is_excluded))
		if (network_pattern_contains(item, address))
			return !is_excluded;
	return false;
}

bool
network_pattern_is_valid(struct span item)
{
	struct network_address network;
	unsigned bits;
	return parse_network(item, &network, &bits);
}

bool
network_list_is_valid(struct span list, struct span *bad)
{
	struct span item;
	bool is_excluded;
	while (config_next_pattern(&list, &item, &is_excluded)) {
		*bad = item;
		if (!network_pattern_is_valid(item))
			return false;
	}
	return true;
}

static bool
has_host_bits(const struct network_address *network, unsigned bits)
{
	unsigned size = network->family == AF_INET ? 32 : 128;
	for (unsigned i = bits; i < size; i++)
		if ((network->bytes[i / 8] & (0x80 >> i % 8)) != 0)
			return true;
	return false;
}

bool
network_list_is_plain(struct span list, struct span *bad)
{
	struct network_address network;
	bool is_excluded;
	unsigned bits;
	while (config_next_pattern(&list, bad, &is_excluded))
		if (parse_network(*bad, &network, &bits) &&
		    has_host_bits(&network, bits))
			return false;
	return true;
}

void
network_limit_key(const struct network_address *address, uint8_t key[17])
{
	memset(key, 0, 17);
	key[0] = (uint8_t)address->family;
	if (address->family == AF_INET)
		memcpy(key + 1, address->bytes, 4);
	else if (address->family == AF_INET6)
		memcpy(key + 1, address->bytes, 8);
	else
		memcpy(key + 1, &address->uid, sizeof(address->uid));
}
