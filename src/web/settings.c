/*
 * Ports of the configuration as services for mail programs.
 */
#include "web/settings.h"

#include "base/services.h"

static const struct {
	enum settings_protocol protocol;
	const char *name, *parameter;
	bool is_tls;
} rows[SETTINGS_LIMIT] = {
	{ SETTINGS_IMAP, "imaps", "imaps_port", true },
	{ SETTINGS_IMAP, "imap", "imap_port", false },
	{ SETTINGS_POP3, "pop3s", "pop3s_port", true },
	{ SETTINGS_POP3, "pop3", "pop3_port", false },
	{ SETTINGS_SMTP, "submissions", "submissions_port", true },
	{ SETTINGS_SMTP, "submission", "submission_port", false },
};

unsigned
settings_port(const struct config *config, const char *parameter)
{
	unsigned port = (unsigned)config_number(config, parameter);
	return port == 0 ? 0 : port +
		(unsigned)config_number(config, "port_offset");
}

void
settings_read(const struct config *config, struct settings *settings)
{
	*settings = (struct settings){ .hostname = config_text(config,
		"myhostname") };
	for (size_t i = 0; i < SETTINGS_LIMIT; i++) {
		unsigned port = settings_port(config, rows[i].parameter);
		if (port == 0 || !services_is_on(config, rows[i].name))
			continue;
		settings->service[settings->count++] =
			(struct settings_service){ rows[i].protocol, port,
			rows[i].is_tls };
	}
}

const struct settings_service *
settings_best(const struct settings *settings,
	enum settings_protocol protocol)
{
	for (size_t i = 0; i < settings->count; i++)
		if (settings->service[i].protocol == protocol)
			return &settings->service[i];
	return NULL;
}
