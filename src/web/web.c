/*
 * Rules and wires of the web process.
 */
#include "web/web.h"

#include <string.h>

#include "base/memory.h"
#include "serve/row_call.h"
#include "trust/domain_config.h"

/* As hostmaster has it, whose records name the policy. */
static void
set_policy(struct web_rules *rules, const struct config *config)
{
	struct arena arena;
	struct domain_facts facts;
	arena_init(&arena, 0);
	if (domain_config_facts(config, &arena, &facts)) {
		rules->sts_mode = facts.sts_mode;
		rules->policy_host = memory_copy_string(arena_copy_string(
			&arena, facts.host));
	}
	arena_fini(&arena);
}

static const struct web_rules *
make_rules(const struct config *config)
{
	struct web_rules *rules = memory_new(sizeof(*rules));
	rules->hostname = config_text(config, "myhostname");
	rules->domain = config_text(config, "mydomain");
	rules->mynetworks = config_text(config, "mynetworks");
	rules->https_port = settings_port(config, "https_port");
	settings_read(config, &rules->settings);
	set_policy(rules, config);
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
	new->domains = domains_new(lot);
	new->hostmaster = row_caller_new(lot, "hostmaster-web");
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
	domains_free(&old->domains);
	row_caller_free(&old->hostmaster);
	wire_set_free(&old->tls);
	const struct web_rules *rules = atomic_load(&old->rules);
	memory_free((void *)(uintptr_t)rules->policy_host);
	memory_free((void *)(uintptr_t)rules);
	memory_free(old);
	*web = NULL;
}

/* Clients that are there keep the rules they came under. */
void
web_reload(struct web *web, const struct config *config)
{
	atomic_store(&web->rules, make_rules(config));
	domains_forget(web->domains);
}

bool
web_is_near(const struct web_rules *rules,
	const struct network_address *client)
{
	return client->family == AF_UNIX || network_is_loopback(client) ||
		network_list_contains(span_from(rules->mynetworks), client);
}
