/*
 * Counts and rates per client network (interface.md: smtpd_client_*): how many
 * connections now, how many of an event within the time unit. Tables are
 * bounded: when full, the entry longest without an event goes.
 */
#ifndef SERVE_LIMIT_H
#define SERVE_LIMIT_H

#include "base/network.h"

struct limit_table;

enum limit_rate {
	LIMIT_CONNECTIONS, LIMIT_MESSAGES, LIMIT_RECIPIENTS, LIMIT_AUTH,
	LIMIT_REQUESTS,
	LIMIT_RATE_COUNT
};

/* unit: window in ms (anvil_rate_time_unit). Locks inside; never NULL. */
struct limit_table *
limit_table_new(int64_t unit);
void
limit_table_free(struct limit_table **table);

/* Counts a connection in; false when `most` (0: no limit) are already there. */
bool
limit_connection_enter(struct limit_table *table,
	const struct network_address *client, unsigned most);
void
limit_connection_leave(struct limit_table *table,
	const struct network_address *client);

/* Counts one event at `now` (monotonic ms); false when it is beyond `most`
 * (0: no limit) in the current window. */
bool
limit_event(struct limit_table *table, const struct network_address *client,
	enum limit_rate rate, unsigned most, int64_t now);

#endif
