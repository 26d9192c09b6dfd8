/*
 * The TLS context that new handshakes use: versions, ciphers, certificate. A
 * reload replaces it; sessions keep the one they began with. A certificate that
 * hostmaster got (acme_chain_file) is preferred while it is valid.
 */
#ifndef TLS_CONTEXT_H
#define TLS_CONTEXT_H

#include <openssl/ssl.h>

#include "base/error.h"

/* From the PEM chain in this descriptor; the old context stays on failure. */
int
context_load(int certificate_fd, struct error *error);

/* The descriptor of acme_chain_file, or -1. It is read at the next handshake
 * and whenever hostmaster has raised counter_generations()->certificate. */
void
context_watch_issued(int fd);

/* A new server-side SSL of the newest context; NULL without memory. */
SSL *
context_new_ssl(void);

#endif
