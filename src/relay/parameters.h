/*
 * What the configuration says about relaying, read once and then constant: a
 * reload makes another. Names and meanings are Postfix's; base/config_table.c
 * describes each.
 */
#ifndef RELAY_PARAMETERS_H
#define RELAY_PARAMETERS_H

#include "base/config.h"
#include "base/network.h"
#include "relay/table.h"
#include "relay/tls_policy.h"

enum parameters_preference {
	PARAMETERS_ANY_ADDRESS, PARAMETERS_IPV4_FIRST, PARAMETERS_IPV6_FIRST
};

/* Durations are milliseconds. Text is borrowed from the configuration. */
struct parameters {
	struct span helo_name, hostname;
	/* RFC 5321 4.5.3.2; nobody is waited for after QUIT */
	int64_t connect_timeout, greeting_timeout, starttls_timeout,
		mail_timeout, rcpt_timeout, data_init_timeout,
		data_xfer_timeout, data_done_timeout, rset_timeout;
	bool has_ipv4, has_ipv6;		/* inet_protocols */
	struct span interfaces;			/* inet_interfaces */
	uint16_t own_port;			/* where our smtpd listens; 0: not */
	enum parameters_preference preference;
	struct network_address bind4, bind6;	/* family 0: any */
	unsigned address_limit, session_limit;	/* of one delivery; 0: none */
	int64_t idle_limit, reuse_limit;	/* of kept connections */
	unsigned reuse_count;			/* 0: no limit */
	enum tls_level tls_level;
	struct table *tls_policies;		/* "LEVEL ..." by next hop */
	struct table *passwords;		/* "user:password"; NULL: no AUTH */
};

/* Descriptors of the tables, -1 without. */
struct parameters_files {
	int tls_policies, passwords;
};

/* NULL when an address or a table cannot be understood: a sentence for the
 * log. */
struct parameters *
parameters_read(const struct config *config, const struct parameters_files *files,
	struct error *error);
enum parameters_own { PARAMETERS_OWN_NOT, PARAMETERS_OWN, PARAMETERS_OWN_IF_LOCAL };

/*
 * Does our smtpd listen at the address and port? IF_LOCAL: when this machine
 * has the address. Names in inet_interfaces are not looked at.
 */
enum parameters_own
parameters_is_own(const struct parameters *settings,
	const struct network_address *address);

void
parameters_free(struct parameters **settings);

#endif
