/* The configuration of relay as values. */
#include "relay/settings.h"

#include <string.h>

static int
read_address(const struct config *config, const char *name, uint16_t family,
	struct network_address *address, struct error *error)
{
	struct span text = span_from(config_text(config, name));
	*address = (struct network_address){ .family = 0 };
	if (text.size == 0)
		return 0;
	if (!network_address_parse(text, address) || address->family != family)
		return error_set(error, ERROR_USAGE, "%s: found \"%.*s\", "
			"expected an IPv%d address", name, SPAN_PRINT(text),
			family == AF_INET ? 4 : 6);
	return 0;
}

static enum settings_preference
read_preference(const struct config *config)
{
	const char *word = config_text(config, "smtp_address_preference");
	if (strcmp(word, "any") == 0)
		return SETTINGS_ANY_ADDRESS;
	return strcmp(word, "ipv4") == 0 ? SETTINGS_IPV4_FIRST :
		SETTINGS_IPV6_FIRST;
}

int
settings_read(struct settings *settings, const struct config *config,
	struct error *error)
{
	const char *protocols = config_text(config, "inet_protocols");
	*settings = (struct settings){
		.helo_name = span_from(config_text(config, "smtp_helo_name")),
		.hostname = span_from(config_text(config, "myhostname")),
		.connect_timeout = config_duration(config,
			"smtp_connect_timeout"),
		.greeting_timeout = config_duration(config,
			"smtp_helo_timeout"),
		.starttls_timeout = config_duration(config,
			"smtp_starttls_timeout"),
		.mail_timeout = config_duration(config, "smtp_mail_timeout"),
		.rcpt_timeout = config_duration(config, "smtp_rcpt_timeout"),
		.data_init_timeout = config_duration(config,
			"smtp_data_init_timeout"),
		.data_xfer_timeout = config_duration(config,
			"smtp_data_xfer_timeout"),
		.data_done_timeout = config_duration(config,
			"smtp_data_done_timeout"),
		.rset_timeout = config_duration(config, "smtp_rset_timeout"),
		.has_ipv4 = strcmp(protocols, "ipv6") != 0,
		.has_ipv6 = strcmp(protocols, "ipv4") != 0,
		.preference = read_preference(config),
		.address_limit = (unsigned)config_number(config,
			"smtp_mx_address_limit"),
		.session_limit = (unsigned)config_number(config,
			"smtp_mx_session_limit"),
		.idle_limit = config_duration(config,
			"smtp_connection_cache_time_limit"),
		.reuse_limit = config_duration(config,
			"smtp_connection_reuse_time_limit"),
		.reuse_count = (unsigned)config_number(config,
			"smtp_connection_reuse_count_limit"),
	};
	if (read_address(config, "smtp_bind_address", AF_INET,
		&settings->bind4, error) < 0)
		return -1;
	return read_address(config, "smtp_bind_address6", AF_INET6,
		&settings->bind6, error);
}
