/* The place of master in unit tests of the queue. */
#include "world.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/control.h"
#include "serve/supervisor.h"
#include "serve/wire.h"

enum { PLAYERS = 1024 };

static struct {
	const struct world_service *services;
	struct lot *lot;
	int master;		/* this end of the control socket */
	pthread_t lot_thread, master_thread;
	pthread_mutex_t lock;	/* of away */
	struct {
		char service[CONTROL_NAME_SIZE];
		unsigned instance;
	} away[WORLD_SERVICES];
	size_t away_count;
	pthread_t players[PLAYERS];
	size_t player_count;
} world = { .lock = PTHREAD_MUTEX_INITIALIZER };

void
world_set_away(const char *service, unsigned instance, bool is_away)
{
	size_t i = 0;
	pthread_mutex_lock(&world.lock);
	while (i < world.away_count && (world.away[i].instance != instance ||
		strcmp(world.away[i].service, service) != 0))
		i++;
	if (is_away && i == world.away_count) {
		assert(i < WORLD_SERVICES);
		snprintf(world.away[i].service, CONTROL_NAME_SIZE, "%s",
			service);
		world.away[i].instance = instance;
		world.away_count++;
	} else if (!is_away && i < world.away_count) {
		world.away[i] = world.away[--world.away_count];
	}
	pthread_mutex_unlock(&world.lock);
}

static bool
is_away(const struct control_message *message)
{
	bool found = false;
	pthread_mutex_lock(&world.lock);
	for (size_t i = 0; i < world.away_count; i++)
		if (world.away[i].instance == message->instance &&
			strcmp(world.away[i].service, message->service) == 0)
			found = true;
	pthread_mutex_unlock(&world.lock);
	return found;
}

static const struct world_service *
find_service(const char *name)
{
	const struct world_service *service = world.services;
	while (service->name != NULL && strcmp(service->name, name) != 0)
		service++;
	return service->name == NULL ? NULL : service;
}

static void
answer(struct control_message *message)
{
	struct error error;
	int pair[2];
	const struct world_service *service = find_service(message->service);
	struct span bytes = span_of(message, sizeof(*message));
	if (service == NULL || is_away(message)) {
		message->kind = CONTROL_REFUSED;
		wire_send_fds(world.master, bytes, NULL, 0, &error);
		return;
	}
	message->kind = CONTROL_WIRE;
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	wire_send_fds(world.master, bytes, &pair[0], 1, &error);
	close(pair[0]);
	struct incoming incoming = { .fd = pair[1], .service = service->name,
		.caller = "test" };
	service->accept(world.lot, &incoming, message->instance);
	if (incoming.fd >= 0)
		close(incoming.fd);
}

static void *
run_master(void *context)
{
	struct control_message message;
	(void)context;
	while (recv(world.master, &message, sizeof(message), 0) ==
		sizeof(message))
		if (message.kind == CONTROL_CONNECT)
			answer(&message);
	return NULL;
}

static void *
run_lot(void *context)
{
	(void)context;
	lot_run(world.lot, WORLD_PATIENCE);
	return NULL;
}

void
world_play(struct incoming *incoming, void *(*run)(void *fd))
{
	assert(world.player_count < PLAYERS);
	int result = pthread_create(&world.players[world.player_count++], NULL,
		run, (void *)(intptr_t)incoming->fd);
	assert(result == 0);
	incoming->fd = -1;
}

void
world_join(void)
{
	while (world.player_count > 0)
		pthread_join(world.players[--world.player_count], NULL);
}

struct lot *
world_begin(const struct world_service *services)
{
	int pair[2];
	int made = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
	assert(made == 0);
	supervisor_open(pair[0]);
	world.master = pair[1];
	world.services = services;
	world.lot = lot_new(16);
	made = pthread_create(&world.master_thread, NULL, run_master, NULL);
	assert(made == 0);
	made = pthread_create(&world.lot_thread, NULL, run_lot, NULL);
	assert(made == 0);
	return world.lot;
}

void
world_end(struct lot **lot)
{
	lot_stop(world.lot);
	pthread_join(world.lot_thread, NULL);
	shutdown(world.master, SHUT_RDWR);
	pthread_join(world.master_thread, NULL);
	int near = supervisor_fd();
	supervisor_open(-1);
	close(near);
	close(world.master);
	world.away_count = 0;
	lot_free(lot);
}
