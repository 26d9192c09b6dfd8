/*
 * Accepting. The worker that epoll wakes for a listener takes one connection,
 * lets the next worker have the listener, and runs the new session itself.
 */
#include "serve/listener.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "serve/lot.h"

void
listener_set_services(struct lot *lot, const struct service *table)
{
	lot->services = table;
}

void
listener_on_reload(struct lot *lot, void (*reload)(const struct config *config))
{
	lot->reload = reload;
}

void
listener_on_settle(struct lot *lot, void (*settle)(uint32_t serial))
{
	lot->settle = settle;
}

static const struct service *
find_service(const struct lot *lot, const char *name)
{
	const struct service *service = lot->services;
	for (; service != NULL && service->name != NULL; service++)
		if (strcmp(service->name, name) == 0)
			return service;
	log_event(LOG_ERROR, "unknown-service", NULL, LOG_TEXT("service", name));
	return NULL;
}

/* Lets epoll wake one worker for the next connection. */
static void
arm(struct lot *lot, struct listener *listener, int operation)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT,
		.data.u64 = LOT_MARK_LISTENER((uint64_t)(listener -
			lot->listeners)) };
	if (atomic_load(&lot->is_stopping) || atomic_load(&lot->is_retiring))
		return;
	if (epoll_ctl(lot->epoll, operation, listener->fd, &event) < 0 &&
	    !atomic_load(&lot->is_retiring))
		log_event(LOG_ERROR, "listener-lost", NULL,
			LOG_TEXT("service", listener->name),
			LOG_NUMBER("errno", errno));
}

static struct network_address
local_address(int fd)
{
	struct sockaddr_storage address = { 0 };
	socklen_t size = sizeof(address);
	if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		return (struct network_address){ 0 };
	return network_address_from((struct sockaddr *)&address, size);
}

static bool
is_wildcard(const struct network_address *address)
{
	static const uint8_t zeros[16];
	return address->family != AF_UNIX &&
		memcmp(address->bytes, zeros, sizeof(zeros)) == 0;
}

/* A free place; NULL when this socket is there already: master sends all of
 * them with each reload. */
static struct listener *
find_place(struct lot *lot, uint64_t inode)
{
	struct listener *place = NULL;
	for (size_t i = 0; i < LOT_LISTENERS_LIMIT; i++) {
		struct listener *listener = &lot->listeners[i];
		if (listener->fd >= 0 && listener->inode == inode)
			return NULL;
		if (listener->fd < 0 && place == NULL)
			place = listener;
	}
	if (place == NULL)
		log_event(LOG_ERROR, "too-many-listeners", NULL);
	return place;
}

static bool
is_datagram(int fd)
{
	int type = 0;
	socklen_t size = sizeof(type);
	return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type,
		&size) == 0 && type == SOCK_DGRAM;
}

void
listener_add(struct lot *lot, const struct control_message *message, int *fd)
{
	const struct service *service = find_service(lot, message->service);
	struct stat status = { 0 };
	struct listener *listener = NULL;
	if (service != NULL && is_datagram(*fd)) {
		struct incoming incoming = { .fd = *fd,
			.service = service->name };
		*fd = -1;
		service->accept(lot, &incoming);
		file_close(&incoming.fd);
		return;
	}
	if (*fd >= 0 && fstat(*fd, &status) == 0)
		listener = find_place(lot, status.st_ino);
	if (service == NULL || listener == NULL) {
		file_close(fd);
		return;
	}
	snprintf(listener->name, sizeof(listener->name), "%s", service->name);
	listener->service = service;
	listener->local = local_address(*fd);
	listener->is_wildcard = is_wildcard(&listener->local);
	listener->inode = status.st_ino;
	listener->fd = *fd;
	*fd = -1;
	arm(lot, listener, EPOLL_CTL_ADD);
}

/* The uid of a local client (SO_PEERCRED); the socket is no wire of master's. */
static void
ask_uid(int fd, struct network_address *client)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t size = sizeof(peer);
	client->family = AF_UNIX;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		peer.uid = (uid_t)-1;
	client->uid = peer.uid;
}

/*
 * The listener is at its end (master shut it down: it is no longer configured),
 * or this process is out of descriptors, or the client has gone again.
 */
static void
accept_failed(struct lot *lot, struct listener *listener, int number)
{
	if (number == EINVAL || number == EBADF) {
		log_event(LOG_INFO, "listener-closed", NULL,
			LOG_TEXT("service", listener->name));
		close(atomic_exchange(&listener->fd, -1));
		return;
	}
	if (number == EMFILE || number == ENFILE || number == ENOMEM ||
	    number == ENOBUFS) {
		if (!atomic_exchange(&listener->is_resting, true))
			log_event(LOG_WARN, "out-of-descriptors", NULL,
				LOG_TEXT("service", listener->name),
				LOG_NUMBER("errno", number));
		return;
	}
	arm(lot, listener, EPOLL_CTL_MOD);
}

void
listener_accept(struct lot *lot, struct listener *listener)
{
	struct sockaddr_storage address = { 0 };
	socklen_t size = sizeof(address);
	if (atomic_load(&lot->is_stopping))
		return;
	int fd = accept4(listener->fd, (struct sockaddr *)&address, &size,
		SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		accept_failed(lot, listener, errno);
		return;
	}
	arm(lot, listener, EPOLL_CTL_MOD);
	struct incoming incoming = { .fd = fd, .service = listener->name,
		.local = listener->local };
	if (listener->is_wildcard)
		incoming.local = local_address(fd);
	if (listener->local.family == AF_UNIX)
		ask_uid(fd, &incoming.client);
	else
		incoming.client = network_address_from(
			(struct sockaddr *)&address, size);
	listener->service->accept(lot, &incoming);
	file_close(&incoming.fd);
}

void
listener_take_wire(struct lot *lot, const struct control_message *message,
	int *fd)
{
	const struct service *service = find_service(lot, message->service);
	struct incoming incoming = { .fd = *fd, .caller = message->peer,
		.caller_instance = message->instance,
		.caller_pid = (unsigned)message->pid,
		.caller_owner = message->text };
	*fd = -1;
	if (service != NULL && incoming.fd >= 0) {
		incoming.service = service->name;
		service->accept(lot, &incoming);
	}
	file_close(&incoming.fd);
}

void
listener_wake_resting(struct lot *lot)
{
	for (size_t i = 0; i < LOT_LISTENERS_LIMIT; i++) {
		struct listener *listener = &lot->listeners[i];
		if (listener->fd >= 0 &&
		    atomic_exchange(&listener->is_resting, false))
			arm(lot, listener, EPOLL_CTL_MOD);
	}
}

void
listener_leave_all(struct lot *lot)
{
	/* A worker may be about to accept: the descriptors stay. */
	for (size_t i = 0; i < LOT_LISTENERS_LIMIT; i++)
		if (lot->listeners[i].fd >= 0)
			epoll_ctl(lot->epoll, EPOLL_CTL_DEL,
				lot->listeners[i].fd, NULL);
}

void
listener_close_all(struct lot *lot)
{
	for (size_t i = 0; i < LOT_LISTENERS_LIMIT; i++) {
		int fd = atomic_exchange(&lot->listeners[i].fd, -1);
		file_close(&fd);
	}
}
