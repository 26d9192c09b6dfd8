/*
 * The parking lot as a whole: making it, the housekeeping thread (deadlines,
 * master's messages, new wires), and its end. Workers are in worker.c.
 */
#include "serve/lot.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "serve/counter.h"
#include "serve/legacy.h"
#include "serve/process_inside.h"
#include "serve/supervisor.h"
#include "serve/watch.h"
#include "serve/wire.h"

enum {
	TICK = 1000,			/* ms between looks at the deadlines */
	IDLE_AGAIN = 5000,		/* ms until master is asked once more */
	RETIRE_LEAST = 100, RETIRE_MOST = 3000,
	RETIRE_TICK = 20,		/* ms, while a successor waits */
};

struct lot *
lot_new(unsigned workers)
{
	struct lot *lot = memory_new(sizeof(*lot));
	assert(workers > 0 && workers <= LOT_WORKERS_LIMIT);
	lot->workers = workers;
	lot->epoll = epoll_create1(EPOLL_CLOEXEC);
	lot->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	lot->housekeeping = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct epoll_event event = { .events = EPOLLIN | EPOLLET,
		.data.u64 = LOT_MARK_WAKE };
	if (lot->epoll < 0 || lot->wake < 0 || lot->housekeeping < 0 ||
	    epoll_ctl(lot->epoll, EPOLL_CTL_ADD, lot->wake, &event) < 0) {
		log_event(LOG_ERROR, "no-epoll", NULL, LOG_NUMBER("errno", errno));
		exit(1);
	}
	pthread_mutex_init(&lot->queue_lock, NULL);
	pthread_mutex_init(&lot->start_lock, NULL);
	pthread_mutex_init(&lot->seat_lock, NULL);
	pthread_cond_init(&lot->seat_free, NULL);
	slot_table_init(&lot->slots);
	group_table_init(&lot->groups);
	for (size_t i = 0; i < LOT_LISTENERS_LIMIT; i++)
		lot->listeners[i].fd = -1;
	lot->retire_most = RETIRE_MOST;
	return lot;
}

void
lot_set_seats(struct lot *lot, unsigned seats)
{
	lot->seats = seats;
}

void
lot_set_idle_limit(struct lot *lot, int64_t limit)
{
	lot->idle_limit = limit;
	lot->active = clock_monotonic();
}

void
lot_on_retire(struct lot *lot, void (*retire)(void), int64_t most)
{
	lot->retire = retire;
	lot->retire_most = most;
}

void
lot_step_aside(void)
{
	worker_stand();
}

void
lot_free(struct lot **lot)
{
	if (*lot == NULL)
		return;
	listener_close_all(*lot);
	slot_table_fini(&(*lot)->slots);
	group_table_fini(&(*lot)->groups);
	pthread_mutex_destroy(&(*lot)->queue_lock);
	pthread_mutex_destroy(&(*lot)->start_lock);
	pthread_mutex_destroy(&(*lot)->seat_lock);
	pthread_cond_destroy(&(*lot)->seat_free);
	file_close(&(*lot)->epoll);
	file_close(&(*lot)->wake);
	file_close(&(*lot)->housekeeping);
	memory_free(*lot);
	*lot = NULL;
}

void
lot_wake_housekeeping(struct lot *lot)
{
	uint64_t one = 1;
	ssize_t n = write(lot->housekeeping, &one, sizeof(one));
	assert(n == sizeof(one));
}

/* NULL when there is no room; the session is gone then. */
static struct slot *
take_slot(struct lot *lot, struct session *session)
{
	session->lot = lot;
	struct slot *slot = slot_take(&lot->slots, session);
	if (slot == NULL) {
		log_event(LOG_WARN, "too-many-sessions", NULL,
			LOG_TEXT("type", session->type->name));
		session->type->free(&session);
		return NULL;
	}
	session->slot = slot;
	counter_add(COUNTER_SESSIONS_TOTAL, 1);
	if (atomic_load(&lot->is_stopping))
		slot_claim(slot, SLOT_STOP);
	if (atomic_load(&lot->is_asleep))
		lot_wake_housekeeping(lot);
	return slot;
}

void
lot_add(struct lot *lot, struct session *session)
{
	struct slot *slot = take_slot(lot, session);
	if (slot != NULL)
		worker_enqueue(lot, slot);
}

void
lot_add_next(struct lot *lot, struct session *session)
{
	struct slot *slot = take_slot(lot, session);
	if (slot != NULL)
		worker_enqueue_next(lot, slot);
}

void
session_nudge(struct session *session)
{
	assert(session->slot != NULL);
	if (slot_claim(session->slot, SLOT_NUDGE))
		worker_enqueue(session->lot, session->slot);
}

void
session_unwatch(struct session *session)
{
	struct slot *slot = session->slot;
	if (slot == NULL)
		return;
	int epoll = session->lot->epoll;
	if (slot->watched >= 0)
		epoll_ctl(epoll, EPOLL_CTL_DEL, slot->watched, NULL);
	if (slot->second_watched >= 0)
		epoll_ctl(epoll, EPOLL_CTL_DEL, slot->second_watched, NULL);
	slot->watched = slot->second_watched = -1;
}

unsigned
lot_session_count(const struct lot *lot)
{
	return atomic_load(&lot->slots.used);
}

unsigned
lot_idle_workers(const struct lot *lot)
{
	return atomic_load(&lot->idle);
}

void
lot_stop(struct lot *lot)
{
	atomic_store(&lot->is_stopping, true);
	lot_wake_housekeeping(lot);
}

static void
close_fds(int fds[SUPERVISOR_FDS])
{
	for (size_t i = 0; i < SUPERVISOR_FDS; i++)
		file_close(&fds[i]);
}

static void
take_config(struct lot *lot, int fd)
{
	struct config *config = NULL;
	struct error error;
	if (config_read(fd, &config, &error) < 0) {
		log_event(LOG_ERROR, "reload-failed", NULL,
			LOG_TEXT("reason", error.text));
		return;
	}
	log_event(LOG_INFO, "reload", NULL);
	if (lot->reload != NULL)
		lot->reload(config);
	else
		config_free(&config);
}

static void
enqueue(void *lot, struct slot *slot)
{
	worker_enqueue(lot, slot);
}

/* Another process has our place. */
static void
begin_retiring(struct lot *lot, int *successor)
{
	lot->retire_began = clock_monotonic();
	lot->retire_until = *successor < 0 ? INT64_MAX :
		lot->retire_began + lot->retire_most;
	atomic_store(&lot->is_retiring, true);
	log_event(LOG_INFO, "retiring", NULL,
		LOG_NUMBER("sessions", lot_session_count(lot)));
	listener_leave_all(lot);
	legacy_open(successor);
	wire_refresh();
	if (lot->retire != NULL)
		lot->retire();
	slot_claim_all(&lot->slots, SLOT_RETIRE, 0, enqueue, lot);
}

/* Those that go on are its own work. */
static bool
has_retired(const struct lot *lot)
{
	int64_t now = clock_monotonic();
	return atomic_load(&lot->is_retiring) &&
		now >= lot->retire_began + RETIRE_LEAST &&
		(now >= lot->retire_until || lot_session_count(lot) <=
		atomic_load(&lot->slots.own_work));
}

static void
take_message(struct lot *lot, const struct control_message *message,
	int fds[SUPERVISOR_FDS])
{
	switch (message->kind) {
	case CONTROL_LISTENER:
		if (!atomic_load(&lot->is_retiring))
			listener_add(lot, message, &fds[0]);
		break;
	case CONTROL_WIRE:
	case CONTROL_REFUSED:
		if (message->serial != 0)
			supervisor_answer(message, &fds[0]);
		else if (message->kind == CONTROL_WIRE) {
			lot->offers++;
			/* its session may not have run before the next tick */
			lot->active = clock_monotonic();
			listener_take_wire(lot, message, &fds[0]);
		}
		break;
	case CONTROL_CONFIG:
		take_config(lot, fds[0]);
		break;
	case CONTROL_LOG:
		process_redirect_log(fds[0], fds[1]);
		break;
	case CONTROL_FILE:
		process_take_file(message->service, message->instance, &fds[0]);
		break;
	case CONTROL_PROCESS:
	case CONTROL_DONE:
		watch_take(message, fds[0]);
		break;
	case CONTROL_SETTLE:
		if (lot->settle != NULL)
			lot->settle(message->serial);
		else
			supervisor_settled(message->serial);
		break;
	case CONTROL_RETIRE:
		begin_retiring(lot, &fds[0]);
		break;
	case CONTROL_FRESH:
		wire_refresh();
		break;
	case CONTROL_END:
		atomic_store(&lot->is_stopping, true);
		break;
	default:
		log_event(LOG_ERROR, "unknown-control-message", NULL,
			LOG_NUMBER("kind", message->kind));
	}
	close_fds(fds);
}

static void
read_supervisor(struct lot *lot)
{
	struct control_message message;
	int fds[SUPERVISOR_FDS];
	while (!atomic_load(&lot->is_stopping) && supervisor_fd() >= 0) {
		switch (supervisor_receive(&message, fds)) {
		case SUPERVISOR_MESSAGE:
			take_message(lot, &message, fds);
			break;
		case SUPERVISOR_NOTHING:
			return;
		case SUPERVISOR_GONE:
			log_event(LOG_ERROR, "supervisor-gone", NULL);
			atomic_store(&lot->is_stopping, true);
		}
	}
}

/* Waits for a message, a wake-up or `wait` ms (-1: for ever). */
static void
sleep_until_needed(struct lot *lot, int wait)
{
	uint64_t count;
	struct pollfd slots[2] = {
		{ .fd = lot->housekeeping, .events = POLLIN },
		{ .fd = supervisor_fd(), .events = POLLIN },
	};
	if (poll(slots, 2, wait) > 0 && slots[0].revents != 0 &&
	    read(lot->housekeeping, &count, sizeof(count)) < 0)
		assert(errno == EAGAIN);
}

/* Nothing to do for long: master ends this process, if no wire is under way. */
static void
ask_for_end(struct lot *lot, unsigned busy, int64_t now)
{
	struct control_message message = { .version = CONTROL_VERSION,
		.kind = CONTROL_IDLE, .value = (int64_t)lot->offers };
	struct error error;
	uint64_t runs = atomic_load(&lot->runs);
	bool is_active = runs != lot->last_runs || busy > 0 ||
		lot_session_count(lot) > atomic_load(&lot->slots.background);
	lot->last_runs = runs;
	if (is_active)
		lot->active = now;
	if (now - lot->active < lot->idle_limit)
		return;
	lot->active = now - lot->idle_limit + IDLE_AGAIN;
	if (supervisor_fd() >= 0 && supervisor_send(&message, &error) < 0)
		log_event(LOG_WARN, "cannot-end", NULL,
			LOG_TEXT("reason", error.text));
}

/* True when nothing happened since the last tick and there is no session. */
static bool
tick(struct lot *lot)
{
	unsigned idle = lot_idle_workers(lot);
	uint64_t total = counter_get(COUNTER_SESSIONS_TOTAL);
	bool is_quiet = lot_session_count(lot) == 0 && total == lot->last_total;
	lot->last_total = total;
	counter_set(COUNTER_SESSIONS_OPEN, lot_session_count(lot));
	unsigned started = atomic_load(&lot->started);
	unsigned busy = started > idle ? started - idle : 0;
	counter_set(COUNTER_WORKERS_BUSY, busy);
	if (lot->idle_limit != 0)
		ask_for_end(lot, busy, clock_monotonic());
	slot_claim_all(&lot->slots, SLOT_EXPIRED, clock_monotonic(), enqueue,
		lot);
	listener_wake_resting(lot);
	log_flush();	/* of workers that have been waiting for a callee */
	return is_quiet && lot->idle_limit == 0 &&
		!atomic_load(&lot->is_retiring);
}

/* One tick a second; none while there is nothing to look after. */
static void
keep_house(struct lot *lot)
{
	int64_t next_tick = clock_monotonic() + TICK;
	while (!atomic_load(&lot->is_stopping)) {
		bool is_quiet = false;
		if (clock_until(next_tick) == 0) {
			is_quiet = tick(lot);
			next_tick = clock_monotonic() + TICK;
		}
		/* lot_add counts the session before it looks at is_asleep */
		atomic_store(&lot->is_asleep, is_quiet);
		is_quiet = is_quiet && lot_session_count(lot) == 0;
		sleep_until_needed(lot, is_quiet ? -1 : legacy_is_wanted() ?
			RETIRE_TICK : clock_until(next_tick));
		atomic_store(&lot->is_asleep, false);
		read_supervisor(lot);
		if (has_retired(lot))
			atomic_store(&lot->is_stopping, true);
	}
}

/* Wires are still answered meanwhile: sessions may have to finish calls. */
static void
end_sessions(struct lot *lot, int64_t deadline)
{
	struct control_message message;
	int fds[SUPERVISOR_FDS];
	slot_claim_all(&lot->slots, SLOT_STOP, 0, enqueue, lot);
	while (lot_session_count(lot) > 0 && clock_until(deadline) > 0) {
		sleep_until_needed(lot, 20);
		slot_claim_all(&lot->slots, SLOT_EXPIRED, clock_monotonic(),
			enqueue, lot);
		if (supervisor_fd() < 0 || supervisor_receive(&message, fds) !=
		    SUPERVISOR_MESSAGE)
			continue;
		if (message.serial != 0)
			supervisor_answer(&message, &fds[0]);
		close_fds(fds);
	}
}

static void
end_workers(struct lot *lot, int64_t deadline)
{
	pthread_mutex_lock(&lot->start_lock);
	atomic_store(&lot->is_ended, true);	/* nobody begins after this */
	pthread_mutex_unlock(&lot->start_lock);
	worker_end_waiting(lot);
	uint64_t one = 1;
	ssize_t n = write(lot->wake, &one, sizeof(one));
	assert(n == sizeof(one));
	while (atomic_load(&lot->ended_workers) < atomic_load(&lot->started)) {
		if (clock_until(deadline) == 0) {
			log_event(LOG_WARN, "ended-with-sessions", NULL,
				LOG_NUMBER("sessions", lot_session_count(lot)));
			_exit(0);
		}
		struct pollfd wait = { lot->housekeeping, POLLIN, 0 };
		if (poll(&wait, 1, clock_until(deadline)) > 0 &&
		    read(lot->housekeeping, &one, sizeof(one)) < 0)
			assert(errno == EAGAIN);
	}
	for (unsigned i = 0; i < atomic_load(&lot->started); i++)
		pthread_join(lot->threads[i], NULL);
}

void
lot_run(struct lot *lot, int64_t grace)
{
	supervisor_set_housekeeper();
	worker_start(lot, LOT_WORKERS_FIRST);
	process_say_ready();
	read_supervisor(lot);
	keep_house(lot);
	int64_t deadline = clock_monotonic() + grace;
	end_sessions(lot, deadline);
	end_workers(lot, deadline + 200);
}
