/*
 * The TLS context of handshakes as the client: versions, ciphers, and the
 * authorities that are trusted. A reload replaces it; sessions keep the one
 * they began with.
 */
#ifndef TLS_CLIENT_CONTEXT_H
#define TLS_CLIENT_CONTEXT_H

#include <openssl/ssl.h>

#include "base/error.h"

/*
 * Trusts the authorities in this PEM file; with -1 nobody is, and only DANE
 * and unverified connections are possible. The old context stays on failure.
 * *count: how many there are.
 */
int
client_context_load(int authorities_fd, size_t *count, struct error *error);

/* A new client-side SSL of the newest context; NULL without memory. */
SSL *
client_context_new_ssl(void);

#endif
