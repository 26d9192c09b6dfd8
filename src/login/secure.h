/*
 * STARTTLS (RFC 9051 6.2.1), STLS (RFC 2595 4), ports with TLS from the start
 * (RFC 8314 3), and headers of load balancers: the connection changes hands.
 */
#ifndef LOGIN_SECURE_H
#define LOGIN_SECURE_H

#include "login/client.h"

/* Can TLS be started on this connection? */
bool
secure_is_possible(const struct client *client);

/*
 * The command to start it. `ready` is the line that says go on; it is said only
 * when tls is there to take the connection.
 */
void
secure_start(struct client *client, const char *ready);

/* CLIENT_OPENING: hands the socket to tls, then CLIENT_TLS; false when that
 * waits for its turn. Without tls it is the end. */
bool
secure_begin(struct client *client);

/* What tls knows, off what came; false when more bytes are needed. */
bool
secure_take_facts(struct client *client);

/* The header of a load balancer, exactly it, off the socket; false when there
 * is none. */
bool
secure_take_proxy(struct client *client);

#endif
