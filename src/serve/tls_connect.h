/*
 * TLS as a client: a connected socket is given to the process `tls-out`, which
 * makes the handshake and pumps; the caller goes on with the plain end of a
 * socket pair. For SMTP after the 220 to STARTTLS: nothing may be read from
 * the socket after that reply, and what came behind it is the caller's to
 * refuse (RFC 3207 6).
 */
#ifndef SERVE_TLS_CONNECT_H
#define SERVE_TLS_CONNECT_H

#include "base/log.h"
#include "proto/tlswire.h"
#include "serve/session.h"

struct tls_connector;

/* Before lot_run; one for a process. Never NULL. */
struct tls_connector *
tls_connector_new(struct lot *lot);

void
tls_connector_free(struct tls_connector **connector);

/*
 * Blocks until the handshake has ended, at most until request->deadline.
 * Whatever happens, the socket in *fd is no longer the caller's.
 *
 * 0: *fd is the plain end (non-blocking), facts->is_done. With TLS_VERIFY_NONE
 * facts->problem says what a verification would have found.
 * -1: *fd is -1. ERROR_USAGE: the request is not valid (tlswire.h; names from
 * the DNS are to be looked at before). ERROR_REFUSED: the other side's TLS or its certificate is
 * not what was asked for, facts->problem and ->reason say why (a sentence for
 * the sender and the TLS report). ERROR_TIMEOUT: it did not answer in time
 * (facts->problem is TLS_PROBLEM_TIMEOUT). Anything else is our own trouble
 * (tls-out is away or busy) and says nothing about the other side.
 *
 * The scope's session id goes along for tls-out's log; it may be NULL.
 */
int
tls_connect(struct tls_connector *connector, int *fd,
	const struct tls_connect_request *request,
	const struct log_scope *scope, struct tls_connect_facts *facts,
	struct error *error);

#endif
