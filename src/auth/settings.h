/*
 * What auth takes from the configuration, checked once. Constant; a reload makes
 * a new one, and the old stays valid for whoever still looks at it.
 */
#ifndef AUTH_SETTINGS_H
#define AUTH_SETTINGS_H

#include "auth/accounts.h"
#include "base/config.h"
#include "base/network.h"
#include "proto/sasl.h"

struct settings {
	bool offers[SASL_MECHANISM_COUNT];
	bool is_chosen;			/* by auth_mechanisms: offered as it says */
	bool is_plaintext_disabled;	/* disable_plaintext_auth */
	const char *trusted_networks;	/* login_trusted_networks */
	const char *mynetworks;
	const char *sources;		/* accounts */
	int64_t failure_delay;		/* ms */
	int64_t cache_ttl;		/* ms */
	unsigned mailbox_processes;
	struct accounts_options accounts;
};

/* Unknown mechanisms are logged and left out. Borrows from the config. */
struct settings *
settings_new(const struct config *config);
void
settings_free(struct settings **settings);

enum settings_refusal {
	SETTINGS_ALLOWED,
	SETTINGS_NOT_TRUSTED,	/* login_trusted_networks leaves the client out */
	SETTINGS_NOT_SECURE,	/* a password in the open */
};

/* May this client log in at all, with this mechanism? The loopback and local
 * clients always may. */
enum settings_refusal
settings_judge(const struct settings *settings,
	const struct network_address *client, bool is_tls,
	enum sasl_mechanism mechanism);

#endif
