/*
 * What a process leaves to the one that takes its place at an upgrade, when
 * master lets that one wait (etc/services, `alone`): messages with descriptors,
 * on a socket between the two. Its end is the end of the predecessor.
 *
 * The bytes are a struct of the program's own that begins with its version;
 * who reads an unknown one ends politely what it stands for.
 */
#ifndef SERVE_LEGACY_H
#define SERVE_LEGACY_H

#include <stdbool.h>

#include "base/error.h"
#include "base/span.h"

enum {
	LEGACY_SIZE = 192 * 1024,	/* of one message, at most */
	LEGACY_FDS = 2,
	LEGACY_WAIT = 2000,		/* ms for a successor that does not read */
};

/* ---- the predecessor, from when it retires ---- */

/* By the housekeeping; takes *fd (-1: nobody waits). */
void
legacy_open(int *fd);

/* Somebody waits for what we leave. Any thread. */
bool
legacy_is_wanted(void);

/* One message; the descriptors stay the caller's. -1: he does not have it. */
int
legacy_send(struct span bytes, const int *fds, size_t count,
	struct error *error);

/* ---- the successor ---- */

/* Reads until the predecessor has ended; takes *fd. Before threads. */
void
legacy_receive_all(int *fd);

/* The messages, first to last, once; false: no more. Descriptors are the
 * caller's, -1 where there is none; the bytes stay until the next call. */
struct legacy {
	struct span bytes;
	int fds[LEGACY_FDS];
};
bool
legacy_next(struct legacy *legacy);

#endif
