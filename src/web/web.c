/*
 * Rules and wires of the web process.
 */
#include "web/web.h"

#include "base/memory.h"

static const struct web_rules *
make_rules(const struct config *config)
{
	struct web_rules *rules = memory_new(sizeof(*rules));
	rules->hostname = config_text(config, "myhostname");
	rules->domain = config_text(config, "mydomain");
	rules->mynetworks = config_text(config, "mynetworks");
	rules->https_port = settings_port(config, "https_port");
	settings_read(config, &rules->settings);
	rules->connections = (unsigned)config_number(config,
		"http_client_connection_limit");
	rules->requests = (unsigned)config_number(config,
		"http_client_request_rate_limit");
	return rules;
}

struct web *
web_new(struct lot *lot, const struct config *config)
{
	struct web *new = memory_new(sizeof(*new));
	new->lot = lot;
	new->tls = wire_set_new(lot, "tls-accept",
		(unsigned)config_number(config, "tls_processes"));
	new->limits = limit_table_new(config_duration(config,
		"anvil_rate_time_unit"));
	atomic_store(&new->rules, make_rules(config));
	return new;
}

void
web_free(struct web **web)
{
	struct web *old = *web;
	if (old == NULL)
		return;
	limit_table_free(&old->limits);
	wire_set_free(&old->tls);
	memory_free((void *)(uintptr_t)atomic_load(&old->rules));
	memory_free(old);
	*web = NULL;
}

/* Clients that are there keep the rules they came under. */
void
web_reload(struct web *web, const struct config *config)
{
	atomic_store(&web->rules, make_rules(config));
}

bool
web_is_near(const struct web_rules *rules,
	const struct network_address *client)
{
	return client->family == AF_UNIX || network_is_loopback(client) ||
		network_list_contains(span_from(rules->mynetworks), client);
}
