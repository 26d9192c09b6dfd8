/*
 * The listening sockets of a system: TCP by inet_interfaces, inet_protocols and
 * the port parameters, and the Unix sockets of runtime_directory.
 */
#include "base/listeners.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/listening.h"
#include "base/log.h"

static bool
is_missing_family(int number)
{
	return number == EAFNOSUPPORT || number == EADDRNOTAVAIL;
}

/* Marks one that is open already as wanted. */
static bool
keep(struct listeners *all, const struct service_row *row, const char *address)
{
	for (size_t i = 0; i < all->count; i++) {
		struct listener_socket *listener = &all->listener[i];
		if (listener->row != row ||
		    strcmp(listener->address, address) != 0)
			continue;
		listener->is_wanted = true;
		return true;
	}
	return false;
}

static int
add_listener(struct listeners *all, const struct service_row *row,
	const char *address, int fd, struct error *error)
{
	if (all->count == LISTENERS_LIMIT) {
		file_close(&fd);
		return error_set(error, ERROR_USAGE,
			"inet_interfaces: more than %d listeners",
			LISTENERS_LIMIT);
	}
	struct listener_socket *listener = &all->listener[all->count++];
	*listener = (struct listener_socket){ .row = row, .fd = fd,
		.is_wanted = true, .is_new = true };
	snprintf(listener->address, sizeof(listener->address), "%s", address);
	return 0;
}

/* ---- one port, several addresses ---- */

static bool
has_port(const struct listener_socket *listener,
	const struct service_row *row, const struct sockaddr_storage *address,
	unsigned port)
{
	struct sockaddr_storage place = { 0 };
	socklen_t size = sizeof(place);
	if (listener->row != row || getsockname(listener->fd,
	    (struct sockaddr *)&place, &size) < 0 ||
	    place.ss_family != address->ss_family)
		return false;
	in_port_t there = place.ss_family == AF_INET6 ?
		((struct sockaddr_in6 *)&place)->sin6_port :
		((struct sockaddr_in *)&place)->sin_port;
	return ntohs(there) == port;
}

static bool
is_wildcard(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET6)
		return IN6_IS_ADDR_UNSPECIFIED(
			&((const struct sockaddr_in6 *)address)->sin6_addr);
	return ((const struct sockaddr_in *)address)->sin_addr.s_addr ==
		htonl(INADDR_ANY);
}

/* What the wildcard includes goes on, with the connections that wait there. */
static void
keep_included(struct listeners *all, const struct service_row *row,
	const struct sockaddr_storage *address, unsigned port)
{
	for (size_t i = 0; is_wildcard(address) && i < all->count; i++)
		if (has_port(&all->listener[i], row, address, port))
			all->listener[i].is_wanted = true;
}

/* Beside what the row has at this port already; nobody else's port is shared. */
static int
listen_beside(struct listeners *all, const struct service_row *row,
	const struct sockaddr_storage *address, unsigned port)
{
	int ours[LISTENERS_LIMIT];
	size_t count = 0;
	for (size_t i = 0; i < all->count; i++) {
		struct listener_socket *listener = &all->listener[i];
		if (!has_port(listener, row, address, port))
			continue;
		ours[count++] = listener->fd;
		listener->is_replaced = true;
	}
	if (count == 0) {
		errno = EADDRINUSE;
		return -1;
	}
	return listening_inet_beside(address, port, row->is_datagram ?
		SOCK_DGRAM : SOCK_STREAM, ours, count);
}

/* At most until the deadline, while connections wait to be accepted. */
static void
wait_until_empty(int fd, int64_t deadline)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);
	/* of a listener, tcpi_unacked is the length of its queue */
	while (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
	    info.tcpi_unacked > 0 && clock_monotonic() < deadline)
		poll(NULL, 0, 1);
}

static int
open_port(struct listeners *all, const struct service_row *row,
	const struct config *config, const struct interfaces *interfaces,
	struct error *error)
{
	char address[INTERFACES_TEXT_SIZE];
	uint64_t port = config_number(config, row->parameter);
	if (port == 0)
		return 0;
	port += config_number(config, "port_offset");
	assert(port <= 65535);		/* base/config.c */
	for (size_t i = 0; i < interfaces->count; i++) {
		interfaces_format(&interfaces->address[i], (unsigned)port,
			address);
		keep_included(all, row, &interfaces->address[i],
			(unsigned)port);
		if (keep(all, row, address))
			continue;
		int fd = listening_inet(&interfaces->address[i],
			(unsigned)port, row->is_datagram ? SOCK_DGRAM :
			SOCK_STREAM);
		if (fd < 0 && errno == EADDRINUSE)
			fd = listen_beside(all, row, &interfaces->address[i],
				(unsigned)port);
		if (fd < 0 && interfaces->may_be_missing[i] &&
		    is_missing_family(errno))
			continue;
		if (fd < 0 && errno == EADDRINUSE &&
		    services_may_be_taken(config, row)) {
			log_event(LOG_WARN, "port-taken", NULL,
				LOG_TEXT("parameter", row->parameter),
				LOG_TEXT("address", address), LOG_TEXT("advice",
				"another program has this port (ss -lntup), so "
				"the system runs without it; posthouse doctor "
				"says what to do"));
			continue;
		}
		if (fd < 0 && errno == EADDRINUSE)
			return error_set(error, ERROR_SYSTEM, "%s: listening "
				"on %s: another program has this port (ss "
				"-lntup names it): stop it, or change %s or "
				"inet_interfaces", row->parameter, address,
				row->parameter);
		if (fd < 0)
			return error_set_errno(error, "%s: listening on %s",
				row->parameter, address);
		if (add_listener(all, row, address, fd, error) < 0)
			return -1;
	}
	return 0;
}

static int
open_row(struct listeners *all, const struct service_row *row,
	const struct config *config, const struct interfaces *interfaces,
	struct error *error)
{
	if (!services_is_on(config, row->service))
		return 0;
	if (row->file[0] == '\0')
		return open_port(all, row, config, interfaces, error);
	if (keep(all, row, row->file))
		return 0;
	int fd = listening_unix(all->directory, row->file, SOCK_STREAM,
		row->mode, error);
	return fd < 0 ? -1 : add_listener(all, row, row->file, fd, error);
}

static void
close_listener(struct listeners *all, size_t i)
{
	struct listener_socket *listener = &all->listener[i];
	/* Others hold it too; accept fails with EINVAL there from now on. */
	shutdown(listener->fd, SHUT_RDWR);
	file_close(&listener->fd);
	if (listener->row->file[0] != '\0')
		unlinkat(all->directory, listener->row->file, 0);
	*listener = all->listener[--all->count];
}

int
listeners_open(struct listeners *all, const struct services *services,
	const struct config *config, struct error *error)
{
	struct interfaces interfaces;
	int result = interfaces_find(&interfaces, config, error);
	for (size_t i = 0; i < all->count; i++)
		all->listener[i].is_wanted =
			all->listener[i].is_replaced = false;
	for (size_t i = 0; result == 0 && i < services->row_count; i++)
		result = open_row(all, &services->rows[i], config,
			&interfaces, error);
	if (result < 0)
		listeners_undo(all);
	return result;
}

void
listeners_undo(struct listeners *all)
{
	for (size_t i = all->count; i-- > 0;)
		if (all->listener[i].is_new)
			close_listener(all, i);
}

void
listeners_close_unwanted(struct listeners *all)
{
	int64_t deadline = clock_monotonic() + LISTENERS_PATIENCE;
	for (size_t i = all->count; i-- > 0;) {
		struct listener_socket *listener = &all->listener[i];
		listener->is_new = false;
		if (listener->is_wanted)
			continue;
		if (listener->is_replaced)
			wait_until_empty(listener->fd, deadline);
		close_listener(all, i);
	}
}

void
listeners_close_all(struct listeners *all)
{
	while (all->count > 0)
		close_listener(all, all->count - 1);
}
