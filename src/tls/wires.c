#include "tls/wires.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "serve/handover.h"
#include "tls/client.h"
#include "tls/server.h"

typedef void begin_function(struct lot *lot, struct handover *handover);

/* A wire on which smtpd, login or relay hands connections over. */
struct handover_wire {
	struct session session;
	struct lot *lot;
	begin_function *begin;
};

static enum session_next
run(struct session *session, enum session_event event)
{
	struct handover_wire *wire = (struct handover_wire *)session;
	char room[HANDOVER_ROOM];
	struct error error;
	struct handover handover;
	if (event == SESSION_STOP)
		return SESSION_CLOSE;
	if (event != SESSION_READABLE)
		return SESSION_PARK;
	if (handover_receive(session->fd, &handover, room, sizeof(room),
	    &error) < 0)
		return error.code == ERROR_LATER ? SESSION_PARK : SESSION_CLOSE;
	for (size_t i = 0; i < HANDOVER_FDS; i++)
		if (handover.fds[i] >= 0)
			fcntl(handover.fds[i], F_SETFL, O_NONBLOCK);
	wire->begin(wire->lot, &handover);
	for (size_t i = 0; i < HANDOVER_FDS; i++)
		file_close(&handover.fds[i]);
	return SESSION_PARK;
}

static void
free_wire(struct session **session)
{
	close((*session)->fd);
	memory_free(*session);
	*session = NULL;
}

static const struct session_type type = { "handover", run, free_wire };

static void
add_wire(struct lot *lot, struct incoming *incoming, begin_function *begin)
{
	struct handover_wire *wire = memory_new(sizeof(*wire));
	wire->session = (struct session){ .type = &type, .fd = incoming->fd,
		.second_fd = -1, .deadline = INT64_MAX };
	wire->lot = lot;
	wire->begin = begin;
	incoming->fd = -1;
	lot_add(lot, &wire->session);
}

void
wires_accept_server(struct lot *lot, struct incoming *incoming)
{
	add_wire(lot, incoming, server_begin);
}

void
wires_accept_client(struct lot *lot, struct incoming *incoming)
{
	add_wire(lot, incoming, client_begin);
}
