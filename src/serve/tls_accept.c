/*
 * One handover to tls. Runs in web.
 */
#include "serve/tls_accept.h"

#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/file.h"

enum { TAKE_WAIT = 3000 };	/* ms to find tls ready */

int
tls_accept_give(struct wire_set *tls, const struct proxy2 *facts,
	const struct log_scope *scope, int *stranger, int *plain,
	struct error *error)
{
	struct handover handover = { .facts = *facts };
	int pair[2];
	_Static_assert(sizeof(handover.session) == sizeof(scope->session),
		"ids of one size");
	struct wire *wire = wire_set_take(tls, clock_monotonic() + TAKE_WAIT,
		error);
	if (wire == NULL)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
	    pair) < 0) {
		wire_give(&wire);
		return error_set_errno(error, "making a socket pair");
	}
	memcpy(handover.session, scope->session, sizeof(handover.session));
	handover.fds[0] = *stranger;
	handover.fds[1] = pair[1];
	if (handover_send(wire->stream.fd, &handover, error) < 0) {
		wire_drop(&wire);
		file_close(&pair[0]);
		file_close(&pair[1]);
		return -1;
	}
	wire_give(&wire);
	*stranger = -1;
	*plain = pair[0];
	return 0;
}
