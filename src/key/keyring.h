/*
 * The private keys of this process. The key before a renewal is kept beside
 * the new one, so that a handshake begun with the old certificate ends well.
 */
#ifndef KEY_KEYRING_H
#define KEY_KEYRING_H

#include "base/error.h"
#include "proto/keywire.h"

/* Reads PEM from a descriptor and puts it under `name`, the old one behind it.
 * The same key again changes nothing. */
int
keyring_load(const char *name, int fd, struct error *error);

/* Executes a request; *reply is filled whole. Any thread. */
void
keyring_sign(const struct keywire_request *request,
	struct keywire_reply *reply);

#endif
