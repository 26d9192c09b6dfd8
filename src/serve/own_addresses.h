/*
 * The addresses of this machine's interfaces, as the kernel knows them now. The
 * socket that asks it is opened before the jail.
 */
#ifndef SERVE_OWN_ADDRESSES_H
#define SERVE_OWN_ADDRESSES_H

#include "base/error.h"
#include "base/network.h"

enum { OWN_ADDRESSES_LIMIT = 64 };

struct own_address {
	struct network_address address;
	unsigned prefix;		/* length */
	bool is_passing;		/* temporary, deprecated or not ready */
};

/* A socket to the kernel. */
int
own_addresses_open(int *fd, struct error *error);

/* Fills the list; the number of them. -1: the kernel cannot be asked now. One
 * thread at a time; the kernel answers at once. */
int
own_addresses_ask(int fd, struct own_address list[OWN_ADDRESSES_LIMIT]);

#endif
