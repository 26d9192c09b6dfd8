/*
 * The challenge tls-alpn-01 (RFC 8737 3): who offers the protocol acme-tls/1,
 * and nothing else, for a name that is being validated gets the certificate that
 * hostmaster made for it; for any other name the handshake fails. Nothing is
 * said on such a connection, and the key of these certificates serves nothing
 * else.
 */
#ifndef TLS_CHALLENGE_H
#define TLS_CHALLENGE_H

#include <openssl/ssl.h>

#include "trust/acme_state.h"

/* For a server's context, once. */
void
challenge_watch(SSL_CTX *context);

/* Replaces those that are known. */
void
challenge_set(const struct acme_state *state);

/* After the handshake: was it one of these? Then the connection ends. */
bool
challenge_is_answered(SSL *ssl);

#endif
