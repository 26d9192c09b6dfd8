#include "auth/settings.h"

#include "base/log.h"
#include "base/memory.h"

/* A list chooses; without one all, as far as all accounts can answer them. */
static void
choose_mechanisms(struct settings *settings, const char *list)
{
	struct span rest = span_from(list), item;
	bool is_empty = true;
	while (config_next_item(&rest, &item)) {
		enum sasl_mechanism mechanism;
		is_empty = false;
		if (sasl_mechanism_find(item, &mechanism))
			settings->offers[mechanism] = true;
		else
			log_event(LOG_WARN, "mechanism-unknown", NULL,
				LOG_TEXT("parameter", "auth_mechanisms"),
				LOG_SPAN("found", item));
	}
	settings->is_chosen = !is_empty;
	for (unsigned i = 0; is_empty && i < SASL_MECHANISM_COUNT; i++)
		settings->offers[i] = true;
}

struct settings *
settings_new(const struct config *config)
{
	struct settings *new = memory_new(sizeof(*new));
	choose_mechanisms(new, config_text(config, "auth_mechanisms"));
	new->sources = config_text(config, "accounts");
	new->is_plaintext_disabled = config_bool(config,
		"disable_plaintext_auth");
	new->trusted_networks = config_text(config, "login_trusted_networks");
	new->mynetworks = config_text(config, "mynetworks");
	new->failure_delay = config_duration(config, "auth_failure_delay");
	new->cache_ttl = config_duration(config, "auth_cache_ttl");
	new->mailbox_processes = (unsigned)config_number(config,
		"mailbox_processes");
	if (new->mailbox_processes == 0)
		new->mailbox_processes = 1;
	new->accounts = (struct accounts_options){
		.mydestination = config_text(config, "mydestination"),
		.myorigin = config_text(config, "myorigin"),
		.delimiters = config_text(config, "recipient_delimiter"),
		.quota = config_size(config, "mailbox_quota"),
		.uses_aliases = span_trim(span_from(config_text(config,
			"alias_maps"))).size > 0,
		.first_uid = (uint32_t)config_number(config,
			"first_valid_uid"),
		.last_uid = (uint32_t)config_number(config, "last_valid_uid"),
	};
	return new;
}

void
settings_free(struct settings **settings)
{
	memory_free(*settings);
	*settings = NULL;
}

enum settings_refusal
settings_judge(const struct settings *settings,
	const struct network_address *client, bool is_tls,
	enum sasl_mechanism mechanism)
{
	struct span trusted = span_trim(span_from(settings->trusted_networks));
	bool is_near = client->family == AF_UNIX ||
		network_is_loopback(client);
	if (is_near)
		return SETTINGS_ALLOWED;
	if (trusted.size > 0)
		return network_list_contains(trusted, client) ?
			SETTINGS_ALLOWED : SETTINGS_NOT_TRUSTED;
	if (is_tls || !settings->is_plaintext_disabled ||
		(mechanism != SASL_PLAIN && mechanism != SASL_LOGIN))
		return SETTINGS_ALLOWED;
	return SETTINGS_NOT_SECURE;
}
