/* The configuration as smtpd uses it. */
#include "smtpd/rules.h"

#include <string.h>

#include "base/memory.h"

static unsigned
number(const struct config *config, const char *name)
{
	uint64_t value = config_number(config, name);
	return value > INT32_MAX ? INT32_MAX : (unsigned)value;
}

static struct span
text(const struct config *config, const char *name)
{
	return span_from(config_text(config, name));
}

const struct rules *
rules_new(const struct config *config, const struct rules *older)
{
	struct rules *rules = memory_new(sizeof(*rules));
	*rules = (struct rules){ .older = older,
		.hostname = config_text(config, "myhostname"),
		.origin = text(config, "myorigin"),
		.networks = text(config, "mynetworks"),
		.relay_domains = text(config, "relay_domains"),
		.login_networks = text(config, "login_trusted_networks"),
		.proxy_networks = text(config, "proxy_networks"),
		.newline_exclusions = text(config,
			"smtpd_forbid_bare_newline_exclusions"),
		.plaintext_needs_tls = config_bool(config,
			"disable_plaintext_auth"),
		.has_auth_on_smtp = config_bool(config,
			"smtpd_sasl_auth_enable"),
		.is_normalising = strcmp(config_text(config,
			"smtpd_forbid_bare_newline"), "normalize") == 0,
		.size_limit = config_size(config, "message_size_limit"),
		.recipient_limit = number(config, "smtpd_recipient_limit"),
		.error_limit = number(config, "smtpd_hard_error_limit"),
		.connection_limit = number(config, "smtpd_connection_limit"),
		.client_connections = number(config,
			"smtpd_client_connection_count_limit"),
		.client_connection_rate = number(config,
			"smtpd_client_connection_rate_limit"),
		.client_message_rate = number(config,
			"smtpd_client_message_rate_limit"),
		.client_recipient_rate = number(config,
			"smtpd_client_recipient_rate_limit"),
		.client_auth_rate = number(config,
			"smtpd_client_auth_rate_limit"),
		.rate_unit = config_duration(config, "anvil_rate_time_unit"),
		.timeout = config_duration(config, "smtpd_timeout"),
		.session_time = config_duration(config,
			"smtpd_session_time_limit"),
		.transaction_time = config_duration(config,
			"smtpd_transaction_time_limit"),
	};
	return rules;
}

void
rules_free(const struct rules **rules)
{
	while (*rules != NULL) {
		const struct rules *older = (*rules)->older;
		memory_free((void *)(uintptr_t)*rules);
		*rules = older;
	}
}

bool
rules_is_trusted(const struct rules *rules,
	const struct network_address *client)
{
	return network_list_contains(rules->networks, client);
}

static bool
is_here(const struct network_address *client)
{
	return client->family == AF_UNIX || network_is_loopback(client);
}

/*
 * The domain itself or one below it, the first that has it decides, as Postfix
 * matches them (relay_domains in parent_domain_matches_subdomains): so .example.org
 * there is no domain's parent.
 */
bool
rules_is_relayed(const struct rules *rules, struct span domain)
{
	struct span rest = rules->relay_domains, item;
	bool is_excluded;
	while (config_next_pattern(&rest, &item, &is_excluded)) {
		if (item.size == 0 || !span_ends_nocase(domain, item))
			continue;
		if (domain.size == item.size ||
		    domain.data[domain.size - item.size - 1] == '.')
			return !is_excluded;
	}
	return false;
}

bool
rules_may_login(const struct rules *rules,
	const struct network_address *client)
{
	return rules->login_networks.size == 0 || is_here(client) ||
		network_list_contains(rules->login_networks, client);
}

bool
rules_may_send_password(const struct rules *rules,
	const struct network_address *client, bool is_tls)
{
	if (!rules_may_login(rules, client))
		return false;
	return is_tls || !rules->plaintext_needs_tls || is_here(client) ||
		rules->login_networks.size > 0;
}
