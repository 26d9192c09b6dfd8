/*
 * Reading what the administrator says about servers and trust anchors.
 */
#include "names/sources.h"

#include "base/config.h"

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
sources_read_server(struct span text, struct network_address *server)
{
	struct span address = text;
	size_t at = span_find(text, '@'), end = span_find(text, ']');
	uint16_t port = DNS_PORT;
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

int
sources_read_forwarders(struct span list, struct sources_servers *servers,
	struct error *error)
{
	struct span item;
	*servers = (struct sources_servers){ .count = 0 };
	while (config_next_item(&list, &item)) {
		if (servers->count == SOURCES_SERVERS)
			return error_set(error, ERROR_USAGE, "dns_forwarders: "
				"more than %d servers", SOURCES_SERVERS);
		if (!sources_read_server(item,
			&servers->server[servers->count]))
			return error_set(error, ERROR_USAGE, "dns_forwarders: "
				"found \"%.*s\", expected ADDRESS, "
				"ADDRESS@PORT or [ADDRESS]:PORT",
				SPAN_PRINT(span_first(item, 100)));
		servers->count++;
	}
	return 0;
}

void
sources_read_resolv_conf(struct span text, unsigned own_port,
	struct sources_servers *servers)
{
	struct span line, word;
	*servers = (struct sources_servers){ .count = 0 };
	while (servers->count < SOURCES_SERVERS &&
	    span_split(&text, '\n', &line)) {
		struct network_address server;
		if (!span_word(&line, &word) ||
		    !span_equals(word, SPAN("nameserver")) ||
		    !span_word(&line, &word) ||
		    !network_address_parse(word, &server))
			continue;
		server.port = DNS_PORT;
		if (own_port == DNS_PORT && network_is_loopback(&server))
			continue;
		servers->server[servers->count++] = server;
	}
}

bool
sources_next_anchor(struct span *rest, struct span *record)
{
	struct span line;
	while (span_split(rest, '\n', &line)) {
		*record = span_trim(span_first(line, span_find(line, ';')));
		if (record->size > 0)
			return true;
	}
	return false;
}
