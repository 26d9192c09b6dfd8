/*
 * A connection to a mail server that is ready for messages: connected, greeted,
 * encrypted and logged in as far as is demanded.
 */
#ifndef RELAY_OPEN_H
#define RELAY_OPEN_H

#include "base/log.h"
#include "relay/client.h"
#include "relay/tls_lookup.h"
#include "serve/tls_connect.h"

/* How connections are made: the process's way, or a test's. */
struct open_world {
	/* connect_open and tls_connect */
	int (*connect)(const struct network_address *address,
		const struct parameters *settings, int64_t deadline,
		struct error *error);
	int (*start_tls)(struct tls_connector *connector, int *fd,
		const struct tls_connect_request *request,
		const struct log_scope *scope, struct tls_connect_facts *facts,
		struct error *error);
	struct tls_connector *connector;
	/* connect_is_local; NULL: no address is */
	bool (*is_local)(const struct network_address *address);
};

enum open_tls_outcome {
	OPEN_TLS_NOT_TRIED,	/* not wanted, or it did not come so far */
	OPEN_TLS_NOT_OFFERED,	/* or refused */
	OPEN_TLS_FAILED,	/* by the other side's fault */
	OPEN_TLS_DONE,
};

/* What TLS came to, for reports. */
struct open_tls {
	enum open_tls_outcome outcome;
	struct tls_connect_facts facts;		/* FAILED, DONE */
};

struct open_request {
	const struct open_world *world;
	const struct parameters *settings;
	const struct log_scope *scope;
	const struct network_address *address;
	struct span host;		/* "NAME[ADDRESS]", for people */
	const struct tls_plan *plan;
	bool has_login;
	struct span user, password;
	int64_t until;			/* monotonic ms: over, whatever it waits for */
	struct arena *arena;		/* of *why */
	struct open_tls *tls;		/* filled, also when it fails */
};

/*
 * NULL, and *why: 4.4.1 no connection or no greeting, 4.7.x what is demanded
 * of TLS is not there, 4.7.8 the login was refused, 4.3.0 our own trouble.
 * Blocks for the timeouts of each step.
 */
struct client *
open_client(const struct open_request *request, struct verdict *why);

#endif
