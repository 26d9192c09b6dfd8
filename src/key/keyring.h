/*
 * The private keys of this process: those read from files, and those of the
 * ring (ring.h). Of a file the key before a renewal is kept beside the new one,
 * so that a handshake begun with the old certificate ends well.
 */
#ifndef KEY_KEYRING_H
#define KEY_KEYRING_H

#include "base/error.h"
#include "proto/keywire.h"

/* Reads PEM from a descriptor and puts it under `name`, the old one behind it.
 * The same key again changes nothing. */
int
keyring_load(const char *name, int fd, struct error *error);

/* Executes a request of that program, if it may; *reply is filled whole. `now`
 * is wall time in s. Any thread; blocks for the disk when keys are made or
 * dropped. */
void
keyring_execute(const char *caller, const struct keywire_request *request,
	int64_t now, struct keywire_reply *reply);

#endif
