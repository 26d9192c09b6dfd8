/*
 * Listening sockets and incoming wires. master hands both over on the control
 * socket; a program says beforehand what to do with each by name.
 */
#ifndef SERVE_LISTENER_H
#define SERVE_LISTENER_H

#include "base/config.h"
#include "serve/session.h"

/*
 * A connection that came in: by accept on a listener, or as a wire. Or the
 * socket of a `datagram` row itself, which comes again with each reload.
 */
struct incoming {
	int fd;				/* take it (set -1) or it is closed */
	const char *service;		/* "smtp", "imaps", "lmtp", ... */
	const char *caller;		/* wires: program of the other end; else NULL */
	unsigned caller_instance;	/* which of its processes */
	unsigned caller_pid;		/* two of them may be there at an upgrade */
	const char *caller_owner;	/* whose it is, if it is on demand; else "" */
	struct network_address client;	/* listeners only */
	struct network_address local;
};

/* Runs on the housekeeping thread or a worker; makes a session and lot_adds it. */
typedef void
incoming_function(struct lot *lot, struct incoming *incoming);

struct service {
	const char *name;		/* as in etc/services */
	incoming_function *accept;
};

/* The table ends with a NULL name. Before lot_run. A listener or wire whose
 * name is not in the table is closed and logged. */
void
listener_set_services(struct lot *lot, const struct service *table);

/*
 * Runs on the housekeeping thread after master sent a new configuration or new
 * files (process_file gives those). The old configuration stays valid.
 */
void
listener_on_reload(struct lot *lot, void (*reload)(const struct config *config));

/*
 * For a program in which a reload begins what goes on after it: `settle` runs
 * on the housekeeping thread when all of the reload has come; the program says
 * supervisor_settled with that serial when all of it is in force. The operator
 * waits for it, the program's callers do not. Without one the reload is in
 * force when the function above has returned.
 */
void
listener_on_settle(struct lot *lot, void (*settle)(uint32_t serial));

#endif
