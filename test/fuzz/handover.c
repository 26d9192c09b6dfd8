/*
 * Handovers: whatever a broken process sends with one or two descriptors, the
 * receiver keeps its own and gets none that it does not know of. The first byte
 * chooses how many come along.
 */
#include <assert.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "fuzz.h"
#include "serve/handover.h"
#include "serve/wire.h"

static char room[HANDOVER_ROOM];

/* The lowest free number: it rises when one was leaked. */
static int
next_free(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert(fd >= 0);
	close(fd);
	return fd;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct handover handover;
	struct error error;
	int pair[2], fds[2];
	if (size < 2 || size > sizeof(room) / 2)
		return 0;
	size_t count = data[0] % 3;
	assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) == 0);
	fds[0] = fds[1] = pair[0];
	if (wire_send_fds(pair[0], span_of(data + 1, size - 1), fds, count,
	    &error) < 0)
		return 0;
	shutdown(pair[0], SHUT_WR);	/* nothing more is waited for */
	int before = next_free();
	if (handover_receive(pair[1], &handover, room, sizeof(room),
	    &error) == 0) {
		assert(handover.unread.size <= HANDOVER_UNREAD_LIMIT);
		for (size_t i = 0; i < HANDOVER_FDS; i++)
			file_close(&handover.fds[i]);
	}
	assert(next_free() == before);
	close(pair[0]);
	close(pair[1]);
	return 0;
}
