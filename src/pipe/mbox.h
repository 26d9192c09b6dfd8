/* Appending one message to an mbox. */
#ifndef PIPE_MBOX_H
#define PIPE_MBOX_H

#include "pipe/pipe.h"

/* As file_deliver. Waits for other programs' locks, PIPE_LOCK_WAIT at most. */
int
mbox_append(const struct pipe_delivery *delivery, const char *path,
	int64_t now, struct error *error);

#endif
