/*
 * Which program has a port that this system would listen on, as the kernel's
 * tables say (proc(5)). Only looks; as root, since others' sockets are not shown
 * to everybody.
 */
#ifndef CTL_PORT_HOLDER_H
#define CTL_PORT_HOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/interfaces.h"

enum { PORT_HOLDER_NAME = 32, PORT_HOLDER_PIDS = 300 };

/* What is looked for. */
struct port_wish {
	struct sockaddr_storage address;
	unsigned port;
	bool is_datagram;
	/* Processes of ours, which may have it. */
	const int64_t *ours;
	size_t count;
};

struct port_holder {
	char address[INTERFACES_TEXT_SIZE];
	char program[PORT_HOLDER_NAME];		/* "systemd-resolve"; "?" */
};

/* True when nobody of ours listens at that address, and somebody else is in the
 * way: at the same one, or where one of both is all addresses. */
bool
port_holder_find(const struct port_wish *wish, struct port_holder *holder);

#endif
