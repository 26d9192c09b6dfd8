/*
 * What the parts of the process share. Made by main, constant while clients
 * come and go; what it points to locks for itself.
 */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include <stdatomic.h>

#include "base/config.h"
#include "base/network.h"
#include "serve/limit.h"
#include "serve/session.h"
#include "serve/wire.h"
#include "trust/mta_sts.h"
#include "web/domains.h"
#include "web/settings.h"

enum {
	WEB_CLIENT_LIMIT = 4000,	/* clients at once in this process */
	WEB_REQUEST_LIMIT = 100,	/* of one connection */
	WEB_BODY_LIMIT = 65536,		/* octets */
};

/* From the configuration; a reload makes a new one, the old stays valid. */
struct web_rules {
	const char *hostname, *domain;
	const char *mynetworks;
	struct settings settings;
	enum mta_sts_mode sts_mode;
	const char *policy_host;	/* hostname as the DNS has it */
	unsigned https_port;		/* as strangers see it; 0: there is none */
	unsigned connections;		/* of one network */
	unsigned requests;		/* of one network, per unit */
};

struct web {
	struct lot *lot;
	struct wire_set *tls;
	struct domains *domains;
	struct row_caller *hostmaster;
	struct limit_table *limits;
	_Atomic(const struct web_rules *) rules;
};

struct web *
web_new(struct lot *lot, const struct config *config);

/* After lot_run. */
void
web_free(struct web **web);

void
web_reload(struct web *web, const struct config *config);

/* From this host, or of mynetworks: not counted, and may see how we are. */
bool
web_is_near(const struct web_rules *rules,
	const struct network_address *client);

#endif
