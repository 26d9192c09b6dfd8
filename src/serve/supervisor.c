/*
 * The control socket to master. Calls (CONNECT) are matched with their answers
 * by serial; the housekeeping thread reads, the callers wait on a condition.
 */
#include "serve/supervisor.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "serve/session.h"
#include "serve/wire.h"

/* One who waits for an answer; on his own stack. */
struct waiter {
	struct waiter *next;
	uint32_t serial;
	bool is_answered;
	int fd;
};

struct kept {
	struct kept *next;
	struct control_message message;
	int fds[SUPERVISOR_FDS];
};

static struct {
	atomic_int fd;			/* -1: none, or gone */
	pthread_mutex_t lock;		/* of waiters, serial */
	pthread_cond_t answered;
	struct waiter *waiters;
	uint32_t serial;
	struct kept *first;		/* before threads, then housekeeping's */
	struct kept **last;
} supervisor = {
	.fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER,
	.last = &supervisor.first,
};

static _Thread_local bool is_housekeeper;

void
supervisor_open(int fd)
{
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&supervisor.answered, &attributes);
	pthread_condattr_destroy(&attributes);
	supervisor.fd = fd;
}

int
supervisor_fd(void)
{
	return supervisor.fd;
}

void
supervisor_set_housekeeper(void)
{
	is_housekeeper = true;
}

int
supervisor_send(const struct control_message *message, struct error *error)
{
	for (;;) {
		ssize_t n = send(supervisor.fd, message, sizeof(*message),
			MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == sizeof(*message))
			return 0;
		if (n >= 0 || errno != EINTR)
			break;
	}
	if (errno == EAGAIN)
		return error_set(error, ERROR_LATER, "the supervisor is busy");
	return error_set_errno(error, "writing to the supervisor");
}

void
supervisor_settled(uint32_t serial)
{
	const struct control_message message = { .version = CONTROL_VERSION,
		.kind = CONTROL_SETTLED, .serial = serial };
	struct error error;
	if (supervisor_send(&message, &error) < 0)
		log_event(LOG_WARN, "settled-not-said", NULL,
			LOG_TEXT("reason", error.text));
}

enum supervisor_result
supervisor_receive(struct control_message *message, int fds[SUPERVISOR_FDS])
{
	struct error error;
	size_t count = 0;
	for (size_t i = 0; i < SUPERVISOR_FDS; i++)
		fds[i] = -1;
	struct kept *kept = supervisor.first;
	if (kept != NULL) {
		*message = kept->message;
		memcpy(fds, kept->fds, sizeof(kept->fds));
		supervisor.first = kept->next;
		if (supervisor.first == NULL)
			supervisor.last = &supervisor.first;
		memory_free(kept);
		return SUPERVISOR_MESSAGE;
	}
	ssize_t n = wire_receive_fds(supervisor.fd, message, sizeof(*message),
		fds, SUPERVISOR_FDS, &count, &error);
	message->text[sizeof(message->text) - 1] = '\0';
	if (n == sizeof(*message) && message->version == CONTROL_VERSION)
		return SUPERVISOR_MESSAGE;
	for (size_t i = 0; i < count; i++)
		file_close(&fds[i]);
	if (n < 0 && error.number == EAGAIN)
		return SUPERVISOR_NOTHING;
	supervisor.fd = -1;	/* the number stays taken until the process ends */
	return SUPERVISOR_GONE;
}

void
supervisor_keep(const struct control_message *message,
	const int fds[SUPERVISOR_FDS])
{
	struct kept *kept = memory_new(sizeof(*kept));
	kept->message = *message;
	memcpy(kept->fds, fds, sizeof(kept->fds));
	*supervisor.last = kept;
	supervisor.last = &kept->next;
}

static void
unlink_waiter(struct waiter *waiter)
{
	struct waiter **link = &supervisor.waiters;
	while (*link != waiter)
		link = &(*link)->next;
	*link = waiter->next;
}

/* With the lock held, which is given up meanwhile. */
static void
wait_until(const struct waiter *waiter, int64_t deadline)
{
	struct timespec until = { deadline / 1000, deadline % 1000 * 1000000 };
	while (!waiter->is_answered && clock_monotonic() < deadline)
		pthread_cond_timedwait(&supervisor.answered, &supervisor.lock,
			&until);
}

/* Hundreds may want a wire at once: who finds no room for the question waits
 * until there is some. */
static int
ask(const struct control_message *message, int64_t deadline,
	struct error *error)
{
	for (;;) {
		if (supervisor_send(message, error) == 0)
			return 0;
		int64_t left = deadline - clock_monotonic();
		struct pollfd room = { .fd = supervisor.fd, .events = POLLOUT };
		if (error->code != ERROR_LATER || left <= 0 ||
		    poll(&room, 1, left > INT_MAX ? INT_MAX : (int)left) == 0)
			return -1;
	}
}

int
supervisor_connect(const char *service, unsigned instance, int64_t deadline,
	struct error *error)
{
	struct control_message message = { .version = CONTROL_VERSION,
		.kind = CONTROL_CONNECT, .instance = instance };
	struct waiter waiter = { .fd = -1 };
	assert(!is_housekeeper && strlen(service) < sizeof(message.service));
	if (supervisor.fd < 0)
		return error_set(error, ERROR_LATER, "there is no supervisor");
	snprintf(message.service, sizeof(message.service), "%s", service);
	lot_step_aside();
	pthread_mutex_lock(&supervisor.lock);
	if (++supervisor.serial == 0)
		supervisor.serial = 1;
	message.serial = waiter.serial = supervisor.serial;
	waiter.next = supervisor.waiters;
	supervisor.waiters = &waiter;
	pthread_mutex_unlock(&supervisor.lock);
	int result = ask(&message, deadline, error);
	pthread_mutex_lock(&supervisor.lock);
	if (result == 0)
		wait_until(&waiter, deadline);
	unlink_waiter(&waiter);
	pthread_mutex_unlock(&supervisor.lock);
	if (result < 0)
		return -1;
	if (waiter.fd < 0)
		return error_set(error, ERROR_LATER, "no wire to %s (%u): %s",
			service, instance, waiter.is_answered ?
			"the other process is away" : "no answer in time");
	return waiter.fd;
}

void
supervisor_answer(const struct control_message *message, int *fd)
{
	pthread_mutex_lock(&supervisor.lock);
	struct waiter *waiter = supervisor.waiters;
	while (waiter != NULL && waiter->serial != message->serial)
		waiter = waiter->next;
	if (waiter != NULL && !waiter->is_answered) {
		waiter->is_answered = true;
		waiter->fd = *fd;
		*fd = -1;
		pthread_cond_broadcast(&supervisor.answered);
	}
	pthread_mutex_unlock(&supervisor.lock);
}
