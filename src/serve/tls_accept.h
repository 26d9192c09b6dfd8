/*
 * Giving a stranger's socket to tls, which is the server of the handshake
 * (etc/services: wire "tls-accept"), for programs whose port begins with TLS.
 */
#ifndef SERVE_TLS_ACCEPT_H
#define SERVE_TLS_ACCEPT_H

#include "base/log.h"
#include "serve/handover.h"
#include "serve/wire.h"

/*
 * Hands *stranger over (closed here, then -1) and opens *plain in its place: the
 * end from which a PROXY v2 header comes when the handshake is done, then plain
 * bytes; it ends when the handshake fails. -1: *stranger is as it was. Blocks
 * for a few seconds at most. The socket is in no lot any more when it is called.
 */
int
tls_accept_give(struct wire_set *tls, const struct proxy2 *facts,
	const struct log_scope *scope, int *stranger, int *plain,
	struct error *error);

#endif
