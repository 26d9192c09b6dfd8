/*
 * Passing descriptors with a message over a Unix socket (unix(7), SCM_RIGHTS).
 * Nothing here waits.
 */
#ifndef BASE_DESCRIPTOR_H
#define BASE_DESCRIPTOR_H

#include <sys/types.h>

#include "base/error.h"
#include "base/span.h"

enum { DESCRIPTOR_LIMIT = 4 };		/* with one message */

/*
 * Sends the bytes (at least one) with the descriptors, which stay the caller's.
 * The number of bytes that went, or -1; .number is EAGAIN when there is no room.
 */
ssize_t
descriptor_send(int socket, struct span bytes, const int *fds, size_t count,
	struct error *error);

/*
 * Receives one message, or what is there of a stream, with up to `room`
 * descriptors, all O_CLOEXEC; those beyond are closed. The number of bytes, 0
 * at the end of file, or -1; .number is EAGAIN when nothing is there. A message
 * that is longer than `size` gives size + 1.
 */
ssize_t
descriptor_receive(int socket, void *bytes, size_t size, int *fds, size_t room,
	size_t *count, struct error *error);

#endif
