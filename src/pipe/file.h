/*
 * Delivery into the file of an alias or .forward: /file is appended to as mbox,
 * /directory/ gets the message as a maildir does.
 */
#ifndef PIPE_FILE_H
#define PIPE_FILE_H

#include "pipe/pipe.h"

/*
 * Durable when it returns 0; with -1 nothing of the message is left. now: wall
 * ms. Links, and what is neither a file nor /dev/null, are refused
 * (ERROR_REFUSED): the error's sentence is for the log.
 */
int
file_deliver(const struct pipe_delivery *delivery, struct span path,
	int64_t now, struct error *error);

#endif
