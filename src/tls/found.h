/*
 * What a handshake as the client found out about the other side, in the terms
 * of proto/tlswire.h.
 */
#ifndef TLS_FOUND_H
#define TLS_FOUND_H

#include <openssl/ssl.h>

#include "proto/tlswire.h"

/* Before the handshake, after the names were set. With TLS_VERIFY_NONE a
 * wrong name must not hide what else is wrong. */
void
found_prepare(SSL *ssl, enum tls_verify verify);

/* The handshake is done. */
void
found_by_handshake(SSL *ssl, enum tls_verify verify,
	struct tls_connect_facts *facts);

/* It failed, and OpenSSL's queue of errors says why; or the time was over. */
void
found_by_failure(SSL *ssl, enum tls_verify verify, bool is_late,
	struct tls_connect_facts *facts);

#endif
