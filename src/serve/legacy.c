/* From a process to its successor; see legacy.h. */
#include "serve/legacy.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"

struct message {
	struct message *next;
	int fds[LEGACY_FDS];
	size_t size;
	char bytes[];
};

static atomic_int successor = -1;
static struct message *first, **last = &first;
static struct message *given;	/* whose bytes are being looked at */

void
legacy_open(int *fd)
{
	atomic_store(&successor, *fd);
	*fd = -1;
}

bool
legacy_is_wanted(void)
{
	return atomic_load(&successor) >= 0;
}

int
legacy_send(struct span bytes, const int *fds, size_t count,
	struct error *error)
{
	const int64_t until = clock_monotonic() + LEGACY_WAIT;
	struct pollfd room = { .fd = atomic_load(&successor),
		.events = POLLOUT };
	if (room.fd < 0 || bytes.size > LEGACY_SIZE)
		return error_set(error, ERROR_REFUSED,
			"there is no successor, or it is too much for one");
	while (descriptor_send(room.fd, bytes, fds, count, error) < 0)
		if (error->number != EAGAIN || clock_until(until) == 0 ||
		    poll(&room, 1, clock_until(until)) < 0)
			return -1;
	return 0;
}

static void
keep(const char *bytes, size_t size, const int fds[LEGACY_FDS], size_t count)
{
	struct message *message = memory_new(sizeof(*message) + size);
	for (size_t i = 0; i < LEGACY_FDS; i++)
		message->fds[i] = i < count ? fds[i] : -1;
	message->size = size;
	memcpy(message->bytes, bytes, size);
	*last = message;
	last = &message->next;
}

void
legacy_receive_all(int *fd)
{
	struct pollfd slot = { .fd = *fd, .events = POLLIN };
	char *room = memory_new(LEGACY_SIZE);
	struct error error;
	size_t count, messages = 0;
	int fds[LEGACY_FDS];
	/* master kills a predecessor that takes too long */
	while (poll(&slot, 1, -1) >= 0 || errno == EINTR) {
		ssize_t n = descriptor_receive(*fd, room, LEGACY_SIZE, fds,
			LEGACY_FDS, &count, &error);
		if (n < 0 && error.number == EAGAIN)
			continue;
		if (n <= 0)
			break;
		keep(room, (size_t)n <= LEGACY_SIZE ? (size_t)n : 0, fds,
			count);
		messages++;
	}
	memory_free(room);
	file_close(fd);
	log_event(LOG_INFO, "took-over", NULL,
		LOG_NUMBER("messages", messages));
}

bool
legacy_next(struct legacy *legacy)
{
	struct message *message = first;
	memory_free(given);
	given = message;
	if (message == NULL)
		return false;
	first = message->next;
	if (first == NULL)
		last = &first;
	legacy->bytes = span_of(message->bytes, message->size);
	memcpy(legacy->fds, message->fds, sizeof(message->fds));
	return true;
}
