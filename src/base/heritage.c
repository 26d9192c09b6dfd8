/* See heritage.h. */
#include "base/heritage.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void
heritage_write(struct heritage *heritage, const struct listeners *listeners,
	struct buffer *bytes)
{
	heritage->version = HERITAGE_VERSION;
	heritage->size = sizeof(*heritage);
	heritage->listener_count = (uint32_t)listeners->count;
	buffer_add(bytes, span_of(heritage, sizeof(*heritage)));
	for (size_t i = 0; i < listeners->count; i++) {
		const struct listener_socket *listener = &listeners->listener[i];
		struct heritage_listener row = { .fd = listener->fd,
			.is_file = listener->row->file[0] != '\0' };
		snprintf(row.service, sizeof(row.service), "%s",
			listener->row->service);
		snprintf(row.address, sizeof(row.address), "%s",
			listener->address);
		buffer_add(bytes, span_of(&row, sizeof(row)));
	}
}

static int
read_whole(int fd, void *out, size_t size, struct error *error)
{
	if (read(fd, out, size) == (ssize_t)size)
		return 0;
	return error_set(error, ERROR_DAMAGED,
		"what the running system left is not whole");
}

static int
take_listener(const struct heritage_listener *left,
	const struct services *services, struct listeners *all,
	struct error *error)
{
	for (size_t i = 0; i < services->row_count &&
	    all->count < LISTENERS_LIMIT; i++) {
		const struct service_row *row = &services->rows[i];
		if (strcmp(row->service, left->service) != 0 ||
		    (row->file[0] != '\0') != (left->is_file != 0))
			continue;
		struct listener_socket *listener = &all->listener[all->count++];
		*listener = (struct listener_socket){ .row = row,
			.fd = left->fd, .is_wanted = true };
		snprintf(listener->address, sizeof(listener->address), "%.*s",
			INTERFACES_TEXT_SIZE - 1, left->address);
		return 0;
	}
	return error_set(error, ERROR_USAGE, "this version does not listen for "
		"%.*s: restart the system", SERVICES_NAME_SIZE, left->service);
}

int
heritage_read(int fd, struct heritage *heritage,
	const struct services *services, struct listeners *listeners,
	struct error *error)
{
	struct heritage_listener left;
	*heritage = (struct heritage){ 0 };
	/* The offset is shared with a master that only tried. */
	if (lseek(fd, 0, SEEK_SET) < 0 || read(fd, heritage,
	    sizeof(*heritage)) < (ssize_t)(2 * sizeof(uint32_t)) ||
	    heritage->version != HERITAGE_VERSION ||
	    heritage->size != sizeof(*heritage))
		return error_set(error, ERROR_USAGE, "the running system is of "
			"a version that this one cannot go on from: restart "
			"it");
	for (uint32_t i = 0; i < heritage->listener_count; i++)
		if (read_whole(fd, &left, sizeof(left), error) < 0 ||
		    take_listener(&left, services, listeners, error) < 0)
			return -1;
	heritage_pass_on_all(heritage, listeners, false);
	return 0;
}

int
heritage_read_row(int fd, const struct heritage *heritage, void *row,
	size_t size, struct error *error)
{
	memset(row, 0, size);
	if (heritage->row_size > size)
		return error_set(error, ERROR_USAGE, "the running system is "
			"newer than this version: restart it");
	return read_whole(fd, row, heritage->row_size, error);
}

void
heritage_pass_on(int fd, bool is_passed_on)
{
	if (fd >= 0)
		fcntl(fd, F_SETFD, is_passed_on ? 0 : FD_CLOEXEC);
}

void
heritage_pass_on_all(const struct heritage *heritage,
	const struct listeners *listeners, bool is_passed_on)
{
	const int fds[] = { heritage->runtime_dir, heritage->lock,
		heritage->command_listener, heritage->generations,
		heritage->generations_read_only };
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		heritage_pass_on(fds[i], is_passed_on);
	for (size_t i = 0; i < HERITAGE_COMMANDS; i++)
		heritage_pass_on(heritage->commands[i], is_passed_on);
	for (size_t i = 0; i < listeners->count; i++)
		heritage_pass_on(listeners->listener[i].fd, is_passed_on);
}
