/* Messages of fixed size with descriptors; see control.h. */
#include "proto/control.h"

#include <errno.h>
#include <stdio.h>

#include "base/descriptor.h"
#include "base/file.h"

int
control_send(int socket, const struct control_message *message, const int *fds,
	size_t count, struct error *error)
{
	ssize_t n = descriptor_send(socket, span_of(message, sizeof(*message)),
		fds, count, error);
	return n < 0 ? -1 : 0;
}

int
control_tell(int socket, enum control_kind kind, const char *service,
	const int *fds, size_t count, struct error *error)
{
	struct control_message message = { .version = CONTROL_VERSION,
		.kind = kind };
	snprintf(message.service, sizeof(message.service), "%s", service);
	return control_send(socket, &message, fds, count, error);
}

enum control_result
control_receive(int socket, struct control_message *message, int *fd)
{
	struct error error;
	size_t count;
	ssize_t n = descriptor_receive(socket, message, sizeof(*message), fd, 1,
		&count, &error);
	if (count == 0)
		*fd = -1;
	if (n < 0)
		return error.number == EAGAIN ? CONTROL_NONE : CONTROL_GONE;
	if (n != sizeof(*message) || message->version != CONTROL_VERSION) {
		file_close(fd);
		return CONTROL_GONE;
	}
	message->service[CONTROL_NAME_SIZE - 1] = '\0';
	message->peer[CONTROL_NAME_SIZE - 1] = '\0';
	message->text[sizeof(message->text) - 1] = '\0';
	return CONTROL_OK;
}
