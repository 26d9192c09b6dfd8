/*
 * What the parts of the process share. Made by main, constant while clients
 * come and go; what it points to locks for itself.
 */
#ifndef LOGIN_LOGIN_H
#define LOGIN_LOGIN_H

#include <stdatomic.h>

#include "base/config.h"
#include "base/network.h"
#include "serve/limit.h"
#include "serve/sasl_call.h"
#include "serve/session.h"
#include "serve/turnstile.h"
#include "serve/wire.h"

enum {
	LOGIN_BAD_LIMIT = 10,		/* commands that are none, then the end */
	LOGIN_FAILURE_LIMIT = 5,	/* wrong passwords, then the end */
	LOGIN_CLIENT_LIMIT = 30000,	/* clients at once in this process */
	LOGIN_RESPONSE_LIMIT = SASL_CALL_RESPONSE_LIMIT,
};

enum login_service { LOGIN_IMAP, LOGIN_POP3, LOGIN_SERVICE_COUNT };

/* From the configuration; a reload makes a new one, the old stays valid. */
struct login_rules {
	const char *hostname;
	const char *mynetworks, *trusted_networks, *proxy_networks;
	bool is_plaintext_disabled;
	int64_t timeout;			/* ms to log in */
	unsigned connections[LOGIN_SERVICE_COUNT];	/* of one network */
	unsigned attempts;			/* logins per unit, of one network */
};

struct login {
	struct lot *lot;
	struct sasl_caller *sasl;
	struct turnstile turnstile;		/* to auth */
	struct turnstile tls_turnstile;
	struct wire_set *tls;
	unsigned processes;			/* mailbox processes */
	struct wire_pool **mailbox[LOGIN_SERVICE_COUNT];	/* [processes] */
	struct bulkhead owners;			/* system users' processes */
	struct limit_table *limits[LOGIN_SERVICE_COUNT];
	_Atomic(const struct login_rules *) rules;
};

/* workers: of the lot; half of them may wait for auth. */
struct login *
login_new(struct lot *lot, unsigned workers, const struct config *config);

/* After lot_run. */
void
login_free(struct login **login);

void
login_reload(struct login *login, const struct config *config);

/* ---- rules about a client's address ---- */

/* Does it come from this host? Such clients may always log in. */
bool
login_is_near(const struct network_address *client);

/* login_trusted_networks */
bool
login_may_enter(const struct login_rules *rules,
	const struct network_address *client);

/* disable_plaintext_auth */
bool
login_may_send_password(const struct login_rules *rules,
	const struct network_address *client, bool is_tls);

/* mynetworks: not counted. */
bool
login_is_exempt(const struct login_rules *rules,
	const struct network_address *client);

#endif
