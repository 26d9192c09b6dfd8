/*
 * TLS sessions that were made as the client, kept for the next connection to
 * the same place with the same wishes: what was verified then holds, so nothing
 * is resumed under other names, TLSA records or a stricter wish. Bounded in
 * number and age. Any thread.
 */
#ifndef TLS_REMEMBERED_H
#define TLS_REMEMBERED_H

#include <openssl/ssl.h>

#include "proto/tlswire.h"

/* Resumes a session of the past if there is one, and marks `ssl` so that its
 * own sessions are kept. `fd` is the connected socket. */
void
remembered_use(SSL *ssl, int fd, const struct tls_connect_request *request);

/* For SSL_CTX_sess_set_new_cb: takes a session that the server gave. */
int
remembered_take(SSL *ssl, SSL_SESSION *session);

/* Forgets all, those on connections that are open now too. */
void
remembered_forget(void);

#endif
