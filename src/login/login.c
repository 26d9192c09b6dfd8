/*
 * Rules and wires of the login process.
 */
#include "login/login.h"

#include "base/memory.h"

static const struct login_rules *
make_rules(const struct config *config)
{
	struct login_rules *rules = memory_new(sizeof(*rules));
	rules->hostname = config_text(config, "myhostname");
	rules->mynetworks = config_text(config, "mynetworks");
	rules->trusted_networks = config_text(config,
		"login_trusted_networks");
	rules->proxy_networks = config_text(config, "proxy_networks");
	rules->is_plaintext_disabled = config_bool(config,
		"disable_plaintext_auth");
	rules->timeout = config_duration(config, "login_timeout");
	rules->connections[LOGIN_IMAP] = (unsigned)config_number(config,
		"imap_client_connection_limit");
	rules->connections[LOGIN_POP3] = (unsigned)config_number(config,
		"pop3_client_connection_limit");
	rules->attempts = (unsigned)config_number(config,
		"smtpd_client_auth_rate_limit");
	return rules;
}

struct login *
login_new(struct lot *lot, unsigned workers, const struct config *config)
{
	static const char *const wires[] = { "mailbox-imap", "mailbox-pop3" };
	struct login *new = memory_new(sizeof(*new));
	new->lot = lot;
	new->sasl = sasl_caller_new(lot);
	turnstile_init(&new->turnstile, workers / 2);
	turnstile_init(&new->tls_turnstile, workers / 2);
	new->tls = wire_set_new(lot, "tls-accept",
		(unsigned)config_number(config, "tls_processes"));
	new->processes = (unsigned)config_number(config, "mailbox_processes");
	if (new->processes == 0)
		new->processes = 1;
	for (unsigned i = 0; i < LOGIN_SERVICE_COUNT; i++) {
		new->limits[i] = limit_table_new(config_duration(config,
			"anvil_rate_time_unit"));
		new->mailbox[i] = memory_new_array(new->processes,
			sizeof(struct wire_pool *));
		for (unsigned k = 0; k < new->processes; k++)
			new->mailbox[i][k] = wire_pool_new(lot, wires[i], k);
	}
	atomic_store(&new->rules, make_rules(config));
	return new;
}

void
login_free(struct login **login)
{
	struct login *old = *login;
	if (old == NULL)
		return;
	for (unsigned i = 0; i < LOGIN_SERVICE_COUNT; i++) {
		limit_table_free(&old->limits[i]);
		for (unsigned k = 0; k < old->processes; k++)
			wire_pool_free(&old->mailbox[i][k]);
		memory_free(old->mailbox[i]);
	}
	wire_set_free(&old->tls);
	turnstile_fini(&old->turnstile);
	turnstile_fini(&old->tls_turnstile);
	sasl_caller_free(&old->sasl);
	memory_free((void *)(uintptr_t)atomic_load(&old->rules));
	memory_free(old);
	*login = NULL;
}

/* Clients that are there keep the rules they came under. */
void
login_reload(struct login *login, const struct config *config)
{
	atomic_store(&login->rules, make_rules(config));
	sasl_caller_refresh(login->sasl);
}

bool
login_is_near(const struct network_address *client)
{
	return client->family == AF_UNIX || network_is_loopback(client);
}

bool
login_may_enter(const struct login_rules *rules,
	const struct network_address *client)
{
	struct span trusted = span_trim(span_from(rules->trusted_networks));
	return trusted.size == 0 || login_is_near(client) ||
		network_list_contains(trusted, client);
}

bool
login_may_send_password(const struct login_rules *rules,
	const struct network_address *client, bool is_tls)
{
	struct span trusted = span_trim(span_from(rules->trusted_networks));
	return is_tls || !rules->is_plaintext_disabled ||
		login_is_near(client) || (trusted.size > 0 &&
		network_list_contains(trusted, client));
}

bool
login_is_exempt(const struct login_rules *rules,
	const struct network_address *client)
{
	return network_list_contains(span_from(rules->mynetworks), client);
}
