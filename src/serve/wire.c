/*
 * Pools of wires to other processes, and the passing of descriptors.
 */
#include "serve/wire.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/memory.h"
#include "proto/control.h"
#include "serve/counter.h"
#include "serve/supervisor.h"

/*
 * While a callee is away not every call goes to master: after so many refusals
 * the rest of the window is refused at once.
 */
enum { REFUSALS = 10, REFUSAL_WINDOW = 100 /* ms */ };

struct wire_pool {
	struct wire_pool *next;		/* of all */
	struct lot *lot;
	struct bulkhead *bulkhead;
	struct bulkhead own_bulkhead;	/* unless it is shared */
	unsigned most;			/* 0: as the bulkhead says */
	char service[CONTROL_NAME_SIZE];
	unsigned instance;
	pthread_mutex_t lock;		/* of all below */
	struct wire *idle;		/* the one used last comes first */
	int64_t window;			/* began, monotonic ms */
	unsigned refusals;		/* in it */
};

/* All pools; its lock may be held when a pool's is taken. */
static struct {
	pthread_mutex_t lock;
	struct wire_pool *first;
} pools = { .lock = PTHREAD_MUTEX_INITIALIZER };
static atomic_uint epoch;

static void
enlist(struct wire_pool *pool)
{
	pthread_mutex_lock(&pools.lock);
	pool->next = pools.first;
	pools.first = pool;
	pthread_mutex_unlock(&pools.lock);
}

static void
strike_off(struct wire_pool *pool)
{
	pthread_mutex_lock(&pools.lock);
	struct wire_pool **link = &pools.first;
	while (*link != pool)
		link = &(*link)->next;
	*link = pool->next;
	pthread_mutex_unlock(&pools.lock);
}

struct wire_pool *
wire_pool_new(struct lot *lot, const char *service, unsigned instance)
{
	struct wire_pool *pool = memory_new(sizeof(*pool));
	assert(strlen(service) < sizeof(pool->service));
	snprintf(pool->service, sizeof(pool->service), "%s", service);
	pool->lot = lot;
	pool->instance = instance;
	pool->bulkhead = &pool->own_bulkhead;
	pthread_mutex_init(&pool->lock, NULL);
	enlist(pool);
	return pool;
}

void
wire_pool_share(struct wire_pool *pool, struct bulkhead *bulkhead)
{
	pool->bulkhead = bulkhead;
}

void
wire_pool_set_most(struct wire_pool *pool, unsigned most)
{
	pool->most = most;
}

static bool
enter(struct wire_pool *pool)
{
	if (pool->most == 0)
		return bulkhead_enter(pool->bulkhead, pool->lot);
	if (atomic_fetch_add(&pool->bulkhead->waiting, 1) < pool->most)
		return true;
	bulkhead_leave(pool->bulkhead);
	return false;
}

static struct wire *
take_idle(struct wire_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	struct wire *wire = pool->idle;
	if (wire != NULL)
		pool->idle = wire->next;
	pthread_mutex_unlock(&pool->lock);
	return wire;
}

static void
free_wire(struct wire **wire)
{
	stream_fini(&(*wire)->stream);
	memory_free(*wire);
	*wire = NULL;
}

void
wire_pool_free(struct wire_pool **pool)
{
	struct wire *wire;
	if (*pool == NULL)
		return;
	strike_off(*pool);
	while ((wire = take_idle(*pool)) != NULL)
		free_wire(&wire);
	pthread_mutex_destroy(&(*pool)->lock);
	memory_free(*pool);
	*pool = NULL;
}

/* The callee said nothing unasked and has not gone. */
static bool
is_usable(const struct wire *wire)
{
	char byte;
	ssize_t n = recv(wire->stream.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return n < 0 && errno == EAGAIN;
}

static bool
is_away(struct wire_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	bool is_over = clock_monotonic() - pool->window >= REFUSAL_WINDOW;
	bool result = !is_over && pool->refusals >= REFUSALS;
	pthread_mutex_unlock(&pool->lock);
	return result;
}

static void
note_refusal(struct wire_pool *pool)
{
	int64_t now = clock_monotonic();
	pthread_mutex_lock(&pool->lock);
	if (now - pool->window >= REFUSAL_WINDOW) {
		pool->window = now;
		pool->refusals = 0;
	}
	pool->refusals++;
	pthread_mutex_unlock(&pool->lock);
}

static struct wire *
connect_wire(struct wire_pool *pool, int64_t deadline, struct error *error)
{
	if (is_away(pool)) {
		error_set(error, ERROR_LATER, "%s (%u) is away", pool->service,
			pool->instance);
		return NULL;
	}
	unsigned now = atomic_load(&epoch);
	int fd = supervisor_connect(pool->service, pool->instance, deadline,
		error);
	if (fd < 0) {
		note_refusal(pool);
		return NULL;
	}
	struct wire *wire = memory_new(sizeof(*wire));
	stream_init(&wire->stream, &fd);
	wire->stream.is_wire = true;
	wire->is_new = true;
	wire->epoch = now;
	wire->pool = pool;
	return wire;
}

struct wire *
wire_take(struct wire_pool *pool, int64_t deadline, struct error *error)
{
	if (!enter(pool)) {
		counter_add(COUNTER_CALLS_LATER, 1);
		error_set(error, ERROR_LATER, "%s (%u) is busy", pool->service,
			pool->instance);
		return NULL;
	}
	struct wire *wire;
	while ((wire = take_idle(pool)) != NULL && !is_usable(wire))
		free_wire(&wire);
	if (wire == NULL)
		wire = connect_wire(pool, deadline, error);
	if (wire == NULL) {
		counter_add(COUNTER_CALLS_LATER, 1);
		bulkhead_leave(pool->bulkhead);
		return NULL;
	}
	wire->next = NULL;
	wire->stream.deadline = deadline;
	return wire;
}

struct wire *
wire_take_fresh(struct wire_pool *pool, int64_t deadline, struct error *error)
{
	struct wire *wire;
	while ((wire = take_idle(pool)) != NULL)
		free_wire(&wire);
	return wire_take(pool, deadline, error);
}

void
wire_refresh(void)
{
	struct wire *wire;
	atomic_fetch_add(&epoch, 1);
	pthread_mutex_lock(&pools.lock);
	for (struct wire_pool *pool = pools.first; pool != NULL;
	    pool = pool->next)
		while ((wire = take_idle(pool)) != NULL)
			free_wire(&wire);
	pthread_mutex_unlock(&pools.lock);
}

void
wire_give(struct wire **wire)
{
	struct wire_pool *pool = (*wire)->pool;
	if ((*wire)->stream.is_failed ||
	    !span_is_empty(stream_unread(&(*wire)->stream))) {
		wire_drop(wire);
		return;
	}
	(*wire)->is_new = false;
	stream_shrink(&(*wire)->stream);
	pthread_mutex_lock(&pool->lock);
	if ((*wire)->epoch != atomic_load(&epoch)) {
		pthread_mutex_unlock(&pool->lock);
		wire_drop(wire);
		return;
	}
	(*wire)->next = pool->idle;
	pool->idle = *wire;
	pthread_mutex_unlock(&pool->lock);
	*wire = NULL;
	bulkhead_leave(pool->bulkhead);
}

void
wire_drop(struct wire **wire)
{
	if (*wire == NULL)
		return;
	struct wire_pool *pool = (*wire)->pool;
	free_wire(wire);
	bulkhead_leave(pool->bulkhead);
}

/* ---- descriptors ---- */

int
wire_send_fds(int socket, struct span bytes, const int *fds, size_t count,
	struct error *error)
{
	ssize_t n = descriptor_send(socket, bytes, fds, count, error);
	if (n < 0)
		return -1;
	if ((size_t)n < bytes.size)
		return error_set(error, ERROR_SYSTEM,
			"handing descriptors over: only %zd of %zu bytes went",
			n, bytes.size);
	return 0;
}

ssize_t
wire_receive_fds(int socket, void *bytes, size_t size, int *fds, size_t room,
	size_t *count, struct error *error)
{
	return descriptor_receive(socket, bytes, size, fds, room, count, error);
}

/* ---- sets ---- */

struct wire_set {
	atomic_uint next;
	unsigned count;
	struct wire_pool *pool[];
};

struct wire_set *
wire_set_new(struct lot *lot, const char *service, unsigned count)
{
	if (count == 0)
		count = 1;
	struct wire_set *set = memory_new(sizeof(*set) +
		count * sizeof(set->pool[0]));
	set->count = count;
	for (unsigned i = 0; i < count; i++)
		set->pool[i] = wire_pool_new(lot, service, i);
	return set;
}

void
wire_set_free(struct wire_set **set)
{
	if (*set == NULL)
		return;
	for (unsigned i = 0; i < (*set)->count; i++)
		wire_pool_free(&(*set)->pool[i]);
	memory_free(*set);
	*set = NULL;
}

struct wire *
wire_set_take(struct wire_set *set, int64_t deadline, struct error *error)
{
	unsigned first = atomic_fetch_add(&set->next, 1);
	struct wire *wire = NULL;
	for (unsigned i = 0; i < set->count && wire == NULL; i++)
		wire = wire_take(set->pool[(first + i) % set->count], deadline,
			error);
	return wire;
}
