#include "base/interfaces.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/network.h"

bool
interfaces_has_family(const struct config *config, int family)
{
	struct span item, rest = span_from(config_text(config,
		"inet_protocols"));
	struct span word = family == AF_INET ? SPAN("ipv4") :
		family == AF_INET6 ? SPAN("ipv6") : SPAN("");
	bool is_any = true;	/* nothing is said */
	while (config_next_item(&rest, &item)) {
		is_any = false;
		if (span_equals(item, word) || span_equals(item, SPAN("all")))
			return word.size > 0;
	}
	return is_any && word.size > 0;
}

static void
add_address(struct interfaces *interfaces, const struct sockaddr *address,
	socklen_t size, bool may_be_missing)
{
	if (interfaces->count == INTERFACES_LIMIT)
		return;
	memcpy(&interfaces->address[interfaces->count], address, size);
	interfaces->may_be_missing[interfaces->count++] = may_be_missing;
}

/* `all` and loopback-only: one of each family; IPv6 may not be there. */
static void
add_both(struct interfaces *interfaces, const struct config *config, bool is_loopback)
{
	struct sockaddr_in four = { .sin_family = AF_INET };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	four.sin_addr.s_addr = htonl(is_loopback ? INADDR_LOOPBACK : INADDR_ANY);
	six.sin6_addr = is_loopback ? in6addr_loopback : in6addr_any;
	bool has_four = interfaces_has_family(config, AF_INET);
	if (has_four)
		add_address(interfaces, (struct sockaddr *)&four, sizeof(four), false);
	if (interfaces_has_family(config, AF_INET6))
		add_address(interfaces, (struct sockaddr *)&six, sizeof(six), has_four);
}

/* A host name or address. */
static int
add_named(struct interfaces *interfaces, const struct config *config,
	struct span item, struct error *error)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE };
	struct addrinfo *list = NULL;
	char name[256];
	if (item.size > 2 && item.data[0] == '[' &&
	    item.data[item.size - 1] == ']')
		item = span_first(span_skip(item, 1), item.size - 2);
	snprintf(name, sizeof(name), "%.*s", SPAN_PRINT(item));
	int number = getaddrinfo(name, NULL, &hints, &list);
	if (number != 0)
		return error_set(error, ERROR_USAGE, "inet_interfaces: found "
			"\"%s\", expected all, loopback-only, an address or a "
			"host name: %s", name, gai_strerror(number));
	size_t before = interfaces->count;
	for (struct addrinfo *info = list; info != NULL; info = info->ai_next)
		if (interfaces_has_family(config, info->ai_family))
			add_address(interfaces, info->ai_addr, info->ai_addrlen, false);
	freeaddrinfo(list);
	if (interfaces->count == before)
		return error_set(error, ERROR_USAGE, "inet_interfaces: \"%s\" "
			"has no address of a family in inet_protocols", name);
	return 0;
}

int
interfaces_find(struct interfaces *interfaces, const struct config *config,
	struct error *error)
{
	struct span rest = span_from(config_text(config, "inet_interfaces"));
	struct span item;
	interfaces->count = 0;
	while (config_next_item(&rest, &item)) {
		if (span_equals_nocase(item, SPAN("all")))
			add_both(interfaces, config, false);
		else if (span_equals_nocase(item, SPAN("loopback-only")))
			add_both(interfaces, config, true);
		else if (add_named(interfaces, config, item, error) < 0)
			return -1;
	}
	return 0;
}

void
interfaces_format(const struct sockaddr_storage *address, unsigned port,
	char out[INTERFACES_TEXT_SIZE])
{
	char text[NETWORK_TEXT_SIZE];
	struct network_address plain = network_address_from(
		(const struct sockaddr *)address, sizeof(*address));
	network_address_format(&plain, text);
	snprintf(out, INTERFACES_TEXT_SIZE,
		plain.family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, port);
}
