/*
 * The keys of dns_tsig_keys, which this process alone has (RFC 8945 6). Any
 * thread.
 */
#ifndef NAMES_SECRETS_H
#define NAMES_SECRETS_H

#include "proto/tsig_keys.h"

/* From the file (fd < 0: there is none), whose name is for sentences. What is
 * wrong is logged, and the keys stay as they were. */
void
secrets_configure(int fd, const char *path);

/* A copy; false: there is no such key. */
bool
secrets_find(const struct dns_name *name, struct tsig_key *key);

#endif
