/*
 * Listening sockets: TCP by inet_interfaces, inet_protocols and the port
 * parameters, and the Unix sockets of runtime_directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/interfaces.h"
#include "master/master.h"

enum { BACKLOG = 1024 };

int
listen_open_directory(struct master *master, struct error *error)
{
	const char *path = config_text(master->config, "runtime_directory");
	master->runtime_dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (master->runtime_dir < 0)
		return error_set_errno(error, "runtime_directory: opening %s",
			path);
	master->lock = openat(master->runtime_dir, "lock",
		O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (master->lock < 0)
		return error_set_errno(error, "runtime_directory: opening "
			"%s/lock", path);
	if (flock(master->lock, LOCK_EX | LOCK_NB) < 0)
		return error_set(error, ERROR_EXISTS, "a system is already "
			"running with runtime_directory %s", path);
	return 0;
}

/* ---- sockets ---- */

static int
bind_inet(const struct sockaddr_storage *address, unsigned port)
{
	struct sockaddr_storage place = *address;
	int one = 1;
	socklen_t size = sizeof(struct sockaddr_in);
	if (address->ss_family == AF_INET6) {
		((struct sockaddr_in6 *)&place)->sin6_port =
			htons((uint16_t)port);
		size = sizeof(struct sockaddr_in6);
	} else {
		((struct sockaddr_in *)&place)->sin_port =
			htons((uint16_t)port);
	}
	int fd = socket(address->ss_family,
		SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* accepted connections inherit it: replies are written whole */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (address->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&place, size) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		int number = errno;
		file_close(&fd);
		errno = number;
	}
	return fd;
}

static bool
is_missing_family(int number)
{
	return number == EAFNOSUPPORT || number == EADDRNOTAVAIL;
}

int
listen_unix(struct master *master, const char *name, int type, unsigned mode,
	struct error *error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	/* the directory's own path may be longer than sun_path */
	snprintf(address.sun_path, sizeof(address.sun_path),
		"/proc/self/fd/%d/%s", master->runtime_dir, name);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set_errno(error, "making a socket");
	unlinkat(master->runtime_dir, name, 0);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fchmodat(master->runtime_dir, name, (mode_t)mode, 0) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		error_set_errno(error, "runtime_directory: listening on the "
			"socket %s", name);
		file_close(&fd);
	}
	return fd;
}

/* ---- what is configured ---- */

/* A protocol that `protocols` leaves out is not served. SMTP always is. */
static bool
is_protocol_on(const struct config *config, const char *service)
{
	static const char *const optional[] = { "imap", "pop3", "lmtp" };
	struct span rest = span_from(config_text(config, "protocols")), item;
	for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++) {
		if (strncmp(service, optional[i], strlen(optional[i])) != 0)
			continue;
		while (config_next_item(&rest, &item))
			if (span_equals_nocase(item, span_from(optional[i])))
				return true;
		return false;
	}
	return true;
}

/* Marks one that is open already as wanted. */
static bool
keep(struct master *master, const struct service_row *row, const char *address)
{
	for (size_t i = 0; i < master->listener_count; i++) {
		struct listener *listener = &master->listeners[i];
		if (listener->row != row ||
		    strcmp(listener->address, address) != 0)
			continue;
		listener->is_wanted = true;
		return true;
	}
	return false;
}

static int
add_listener(struct master *master, const struct service_row *row,
	const char *address, int fd, struct error *error)
{
	if (master->listener_count == MASTER_LISTENERS) {
		file_close(&fd);
		return error_set(error, ERROR_USAGE,
			"inet_interfaces: more than %d listeners",
			MASTER_LISTENERS);
	}
	struct listener *listener = &master->listeners[master->listener_count++];
	*listener = (struct listener){ .row = row, .fd = fd,
		.is_wanted = true, .is_new = true };
	snprintf(listener->address, sizeof(listener->address), "%s", address);
	return 0;
}

static int
open_port(struct master *master, const struct service_row *row,
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
		if (keep(master, row, address))
			continue;
		int fd = bind_inet(&interfaces->address[i], (unsigned)port);
		if (fd < 0 && interfaces->may_be_missing[i] &&
		    is_missing_family(errno))
			continue;
		if (fd < 0)
			return error_set_errno(error, "%s: listening on %s",
				row->parameter, address);
		if (add_listener(master, row, address, fd, error) < 0)
			return -1;
	}
	return 0;
}

static int
open_row(struct master *master, const struct service_row *row,
	const struct config *config, const struct interfaces *interfaces,
	struct error *error)
{
	if (!is_protocol_on(config, row->service))
		return 0;
	if (row->file[0] == '\0')
		return open_port(master, row, config, interfaces, error);
	if (keep(master, row, row->file))
		return 0;
	int fd = listen_unix(master, row->file, SOCK_STREAM, row->mode, error);
	return fd < 0 ? -1 : add_listener(master, row, row->file, fd, error);
}

static void
close_listener(struct master *master, size_t i)
{
	struct listener *listener = &master->listeners[i];
	/* Others hold it too; accept fails with EINVAL there from now on. */
	shutdown(listener->fd, SHUT_RDWR);
	file_close(&listener->fd);
	if (listener->row->file[0] != '\0')
		unlinkat(master->runtime_dir, listener->row->file, 0);
	*listener = master->listeners[--master->listener_count];
}

int
listen_open(struct master *master, const struct config *config,
	struct error *error)
{
	struct interfaces interfaces;
	int result = interfaces_find(&interfaces, config, error);
	for (size_t i = 0; i < master->listener_count; i++)
		master->listeners[i].is_wanted = false;
	for (size_t i = 0; result == 0 && i < master->services.row_count; i++)
		result = open_row(master, &master->services.rows[i], config,
			&interfaces, error);
	if (result < 0)
		listen_undo(master);
	return result;
}

void
listen_undo(struct master *master)
{
	for (size_t i = master->listener_count; i-- > 0;)
		if (master->listeners[i].is_new)
			close_listener(master, i);
}

void
listen_close_unwanted(struct master *master)
{
	for (size_t i = master->listener_count; i-- > 0;) {
		master->listeners[i].is_new = false;
		if (!master->listeners[i].is_wanted)
			close_listener(master, i);
	}
}

void
listen_close_all(struct master *master)
{
	while (master->listener_count > 0)
		close_listener(master, master->listener_count - 1);
}
