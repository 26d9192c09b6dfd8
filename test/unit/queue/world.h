/*
 * A small world around the queue's parts: a lot that runs, and a thread in the
 * place of master that makes wires and gives their far ends to whom the test
 * names.
 */
#ifndef TEST_QUEUE_WORLD_H
#define TEST_QUEUE_WORLD_H

#include "serve/listener.h"

enum { WORLD_PATIENCE = 60000, WORLD_SERVICES = 8 };

/* Takes the far end of a wire (incoming->fd), or leaves it to be closed. */
typedef void
world_accept(struct lot *lot, struct incoming *incoming, unsigned instance);

struct world_service {
	const char *name;
	world_accept *accept;
};

/* Starts; the table ends with a NULL name and must outlive the world. */
struct lot *
world_begin(const struct world_service *services);
void
world_end(struct lot **lot);

/* A thread plays the service: `run` gets the far end of the wire as an intptr_t and
 * closes it. */
void
world_play(struct incoming *incoming, void *(*run)(void *fd));
/* Waits for all of them; after the near ends are closed, so that none of them is
 * cut down in the middle of something when the test ends. */
void
world_join(void);

/* Wires to this service are refused from now on, or made again. */
void
world_set_away(const char *service, unsigned instance, bool is_away);

#endif
