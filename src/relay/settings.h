/*
 * What the configuration says about relaying, read once and then constant: a
 * reload makes another. Names and meanings are Postfix's; base/config_table.c
 * describes each.
 */
#ifndef RELAY_SETTINGS_H
#define RELAY_SETTINGS_H

#include "base/config.h"
#include "base/network.h"

enum settings_preference {
	SETTINGS_ANY_ADDRESS, SETTINGS_IPV4_FIRST, SETTINGS_IPV6_FIRST
};

/* Durations are milliseconds. Text is borrowed from the configuration. */
struct settings {
	struct span helo_name, hostname;
	/* RFC 5321 4.5.3.2; nobody is waited for after QUIT */
	int64_t connect_timeout, greeting_timeout, starttls_timeout,
		mail_timeout, rcpt_timeout, data_init_timeout,
		data_xfer_timeout, data_done_timeout, rset_timeout;
	bool has_ipv4, has_ipv6;		/* inet_protocols */
	enum settings_preference preference;
	struct network_address bind4, bind6;	/* family 0: any */
	unsigned address_limit, session_limit;	/* of one delivery; 0: none */
	int64_t idle_limit, reuse_limit;	/* of kept connections */
	unsigned reuse_count;			/* 0: no limit */
};

/* -1 when an address cannot be understood: a sentence for the log. */
int
settings_read(struct settings *settings, const struct config *config,
	struct error *error);

#endif
