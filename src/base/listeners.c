/*
 * The listening sockets of a system: TCP by inet_interfaces, inet_protocols and
 * the port parameters, and the Unix sockets of runtime_directory.
 */
#include "base/listeners.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
	if (port > 65535)
		return error_set(error, ERROR_USAGE, "%s: found %llu with "
			"port_offset added, expected a port up to 65535",
			row->parameter, (unsigned long long)port);
	for (size_t i = 0; i < interfaces->count; i++) {
		interfaces_format(&interfaces->address[i], (unsigned)port,
			address);
		if (keep(all, row, address))
			continue;
		int fd = listening_inet(&interfaces->address[i],
			(unsigned)port, row->is_datagram ? SOCK_DGRAM :
			SOCK_STREAM);
		if (fd < 0 && interfaces->may_be_missing[i] &&
		    is_missing_family(errno))
			continue;
		if (fd < 0 && row->is_optional && errno == EADDRINUSE) {
			log_event(LOG_WARN, "port-taken", NULL,
				LOG_TEXT("parameter", row->parameter),
				LOG_TEXT("address", address));
			continue;
		}
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
		all->listener[i].is_wanted = false;
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
	for (size_t i = all->count; i-- > 0;) {
		all->listener[i].is_new = false;
		if (!all->listener[i].is_wanted)
			close_listener(all, i);
	}
}

void
listeners_close_all(struct listeners *all)
{
	while (all->count > 0)
		close_listener(all, all->count - 1);
}
