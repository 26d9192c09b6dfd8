/*
 * How a mail program reaches this host: the ports that are really open, from the
 * configuration. TLS from the first byte stands before STARTTLS (RFC 8314 3).
 */
#ifndef WEB_SETTINGS_H
#define WEB_SETTINGS_H

#include "base/config.h"

enum settings_protocol { SETTINGS_IMAP, SETTINGS_POP3, SETTINGS_SMTP };

struct settings_service {
	enum settings_protocol protocol;
	unsigned port;
	bool is_tls;			/* else STARTTLS */
};

enum { SETTINGS_LIMIT = 6 };

struct settings {
	const char *hostname;
	struct settings_service service[SETTINGS_LIMIT];	/* best first */
	size_t count;
};

/* Borrows from config. */
void
settings_read(const struct config *config, struct settings *settings);

/* The best of a protocol, or NULL. */
const struct settings_service *
settings_best(const struct settings *settings,
	enum settings_protocol protocol);

/* A port as strangers see it, with port_offset; 0: it is off. */
unsigned
settings_port(const struct config *config, const char *parameter);

#endif
