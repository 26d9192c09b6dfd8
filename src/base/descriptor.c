#include "base/descriptor.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/file.h"

ssize_t
descriptor_send(int socket, struct span bytes, const int *fds, size_t count,
	struct error *error)
{
	union {
		char room[CMSG_SPACE(sizeof(int) * DESCRIPTOR_LIMIT)];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec part = { (void *)(uintptr_t)bytes.data, bytes.size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	assert(count <= DESCRIPTOR_LIMIT && bytes.size > 0);
	if (count > 0) {
		message.msg_control = control.room;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
	}
	ssize_t n;
	do {
		n = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_set_errno(error, "handing descriptors over");
	return n;
}

/* Takes the descriptors out of the message; those too many are closed. */
static size_t
take_descriptors(struct msghdr *message, int *fds, size_t room)
{
	size_t count = 0;
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	for (; header != NULL; header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET ||
		    header->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(header) + i * sizeof(int),
				sizeof(fd));
			if (count < room)
				fds[count++] = fd;
			else
				file_close(&fd);
		}
	}
	return count;
}

ssize_t
descriptor_receive(int socket, void *bytes, size_t size, int *fds, size_t room,
	size_t *count, struct error *error)
{
	union {
		char room[CMSG_SPACE(sizeof(int) * DESCRIPTOR_LIMIT)];
		struct cmsghdr align;
	} control;
	struct iovec part = { bytes, size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room) };
	ssize_t n;
	*count = 0;
	do {
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_set_errno(error, "reading a message");
	*count = take_descriptors(&message, fds, room);
	return (message.msg_flags & MSG_TRUNC) != 0 ? (ssize_t)size + 1 : n;
}
