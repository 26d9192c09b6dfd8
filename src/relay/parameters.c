/* The configuration of relay as values. */
#include "relay/parameters.h"

#include <string.h>

#include "base/interfaces.h"
#include "base/memory.h"

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

static enum parameters_preference
read_preference(const struct config *config)
{
	const char *word = config_text(config, "smtp_address_preference");
	if (strcmp(word, "any") == 0)
		return PARAMETERS_ANY_ADDRESS;
	return strcmp(word, "ipv4") == 0 ? PARAMETERS_IPV4_FIRST :
		PARAMETERS_IPV6_FIRST;
}

static uint16_t
read_own_port(const struct config *config)
{
	int64_t port = config_number(config, "smtp_port");
	return port == 0 ? 0 : (uint16_t)(port + config_number(config,
		"port_offset"));
}

static void
read_values(struct parameters *settings, const struct config *config)
{
	*settings = (struct parameters){
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
		.has_ipv4 = interfaces_has_family(config, AF_INET),
		.has_ipv6 = interfaces_has_family(config, AF_INET6),
		.interfaces = span_from(config_text(config,
			"inet_interfaces")),
		.own_port = read_own_port(config),
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
	/* The configuration knows no other word. */
	tls_level_parse(span_from(config_text(config,
		"smtp_tls_security_level")), &settings->tls_level);
}

static bool
is_level(struct span value)
{
	enum tls_level level;
	struct span word;
	return span_word(&value, &word) && tls_level_parse(word, &level);
}

static int
read_tables(struct parameters *settings, const struct config *config,
	const struct parameters_files *files, struct error *error)
{
	struct span bad;
	settings->tls_policies = table_read(files->tls_policies,
		"smtp_tls_policy_maps", error);
	if (settings->tls_policies == NULL)
		return -1;
	if (!table_check(settings->tls_policies, is_level, &bad))
		return error_set(error, ERROR_USAGE, "smtp_tls_policy_maps: "
			"found \"%.*s\", expected none, may, encrypt, dane, "
			"dane-only, verify or secure", SPAN_PRINT(bad));
	if (!config_bool(config, "smtp_sasl_auth_enable"))
		return 0;
	settings->passwords = table_read(files->passwords,
		"smtp_sasl_password_maps", error);
	return settings->passwords == NULL ? -1 : 0;
}

struct parameters *
parameters_read(const struct config *config, const struct parameters_files *files,
	struct error *error)
{
	struct parameters *new = memory_new(sizeof(*new));
	read_values(new, config);
	if (read_address(config, "smtp_bind_address", AF_INET, &new->bind4,
		error) < 0 ||
		read_address(config, "smtp_bind_address6", AF_INET6,
		&new->bind6, error) < 0 ||
		read_tables(new, config, files, error) < 0)
		parameters_free(&new);
	return new;
}

enum parameters_own
parameters_is_own(const struct parameters *settings,
	const struct network_address *address)
{
	struct span rest = settings->interfaces, item;
	struct network_address own;
	if (settings->own_port == 0 || address->port != settings->own_port)
		return PARAMETERS_OWN_NOT;
	while (config_next_item(&rest, &item)) {
		if (span_equals_nocase(item, SPAN("all")))
			return PARAMETERS_OWN_IF_LOCAL;
		if (network_address_parse(item, &own) &&
			own.family == address->family &&
			memcmp(own.bytes, address->bytes,
			own.family == AF_INET ? 4 : 16) == 0)
			return PARAMETERS_OWN;
	}
	return PARAMETERS_OWN_NOT;
}

void
parameters_free(struct parameters **settings)
{
	if (*settings == NULL)
		return;
	table_free(&(*settings)->tls_policies);
	table_free(&(*settings)->passwords);
	memory_free(*settings);
	*settings = NULL;
}
