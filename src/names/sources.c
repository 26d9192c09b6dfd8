/*
 * Reading what the administrator says about servers and trust anchors.
 */
#include "names/sources.h"

#include "base/config.h"

void
sources_read_forwarders(struct span list, struct sources_servers *servers)
{
	struct span item;
	*servers = (struct sources_servers){ .count = 0 };
	while (servers->count < SOURCES_SERVERS &&
	    config_next_item(&list, &item))
		if (network_server_parse(item, DNS_PORT,
			&servers->server[servers->count]))
			servers->count++;
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
