/* Messages of fixed size with descriptors (proto/control.h). */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/file.h"
#include "master/master.h"

enum { FDS = 2 };

int
message_send(int socket, const struct control_message *message, const int *fds,
	size_t count, struct error *error)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * FDS)];
		struct cmsghdr align;
	} room = { { 0 } };
	struct iovec part = { (void *)(uintptr_t)message, sizeof(*message) };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	if (count > 0) {
		header.msg_control = room.bytes;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(rights), fds, sizeof(int) * count);
	}
	ssize_t n;
	do {
		n = sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 0;
	if (errno == EAGAIN || errno == ETOOMANYREFS || errno == ENOBUFS)
		return error_set(error, ERROR_LATER, "the process does not read");
	return error_set_errno(error, "writing to a process");
}

enum message_result
message_receive(int socket, struct control_message *message, int *fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} room;
	struct iovec part = { message, sizeof(*message) };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1,
		.msg_control = room.bytes, .msg_controllen = sizeof(room.bytes) };
	ssize_t n;
	*fd = -1;
	do {
		n = recvmsg(socket, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? MESSAGE_NONE : MESSAGE_GONE;
	/* there is room for one descriptor; the kernel closes further ones */
	struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
	if (rights != NULL && rights->cmsg_level == SOL_SOCKET &&
	    rights->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(rights), sizeof(*fd));
	if (n == sizeof(*message) && message->version == CONTROL_VERSION &&
	    (header.msg_flags & MSG_TRUNC) == 0) {
		message->service[CONTROL_NAME_SIZE - 1] = '\0';
		message->peer[CONTROL_NAME_SIZE - 1] = '\0';
		return MESSAGE_OK;
	}
	file_close(fd);
	return MESSAGE_GONE;
}
