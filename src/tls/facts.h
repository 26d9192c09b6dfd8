/* What a finished handshake tells the process behind: version, cipher, server
 * name, channel bindings. */
#ifndef TLS_FACTS_H
#define TLS_FACTS_H

#include <openssl/ssl.h>

#include "proto/proxy2.h"

/* Fills the TLS part of *facts. */
void
facts_of_tls(SSL *ssl, struct proxy2 *facts);

#endif
