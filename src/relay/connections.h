/*
 * Connections that are kept for the next message to the same next hop. A kept
 * one is used again within smtp_connection_cache_time_limit, as long as its
 * server has said nothing meanwhile; a thread of its own closes the others.
 */
#ifndef RELAY_CONNECTIONS_H
#define RELAY_CONNECTIONS_H

#include "relay/client.h"

enum { CONNECTIONS_LIMIT = 1000 };	/* kept at once */

struct connections;

/* Never NULL. */
struct connections *
connections_new(void);

/* Once, when the process may have threads (after the jail). */
void
connections_start(struct connections *connections);

/* Ends the thread and closes all. */
void
connections_free(struct connections **connections);

/*
 * The one that was used last for this key (next hop, and what is demanded of
 * its TLS), or NULL. The caller owns it.
 */
struct client *
connections_take(struct connections *connections, struct span key);

/* Takes it over: keeps it, or says QUIT when it has served its time. */
void
connections_give(struct connections *connections, struct span key,
	struct client **client);

#endif
