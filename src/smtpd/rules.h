/*
 * What the configuration says to smtpd, read once into one flat struct so that
 * nothing is looked up by name while mail is running.
 */
#ifndef SMTPD_RULES_H
#define SMTPD_RULES_H

#include "base/config.h"
#include "base/network.h"

struct rules {
	const struct rules *older;	/* those before a reload */
	const char *hostname;		/* myhostname */
	struct span origin;		/* myorigin */
	struct span networks;		/* mynetworks */
	struct span relay_domains;
	struct span login_networks;	/* login_trusted_networks */
	struct span proxy_networks;
	struct span newline_exclusions;	/* may send bare newlines: normalised */
	bool plaintext_needs_tls;	/* disable_plaintext_auth */
	bool has_auth_on_smtp;		/* smtpd_sasl_auth_enable */
	bool is_normalising;		/* smtpd_forbid_bare_newline */
	uint64_t size_limit;		/* message_size_limit; 0: none */
	unsigned recipient_limit, error_limit, connection_limit;
	unsigned client_connections, client_connection_rate;
	unsigned client_message_rate, client_recipient_rate, client_auth_rate;
	int64_t rate_unit;		/* ms, as are those below */
	int64_t timeout;		/* of a quiet client */
	int64_t session_time, transaction_time;
};

/* Borrows from the configuration, which must live as long. Takes over the
 * older ones (NULL: there are none): sessions may still look at them. */
const struct rules *
rules_new(const struct config *config, const struct rules *older);

/* With all older ones. */
void
rules_free(const struct rules **rules);

/* Is this client free of limits, and may it relay: is it in mynetworks? */
bool
rules_is_trusted(const struct rules *rules,
	const struct network_address *client);

/* Is mail for this domain relayed for anybody (relay_domains)? */
bool
rules_is_relayed(const struct rules *rules, struct span domain);

/* May anybody log in from there at all? Not, when login_trusted_networks is
 * set and the client is neither in it nor on this machine. */
bool
rules_may_login(const struct rules *rules,
	const struct network_address *client);

/* May the client send a password as it is? */
bool
rules_may_send_password(const struct rules *rules,
	const struct network_address *client, bool is_tls);

#endif
