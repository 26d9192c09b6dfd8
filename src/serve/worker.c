/*
 * What a worker thread does: takes the next session to run, out of the run
 * queue or epoll, runs it until it parks, and again. It knows no
 * protocol.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "serve/lot.h"

enum { LOG_WAIT = 10 };	/* ms that lines of the log wait for more */

/* Run by this worker next, without a detour through the queue. */
static _Thread_local struct slot *own_next;
static _Thread_local bool is_worker, is_accepting;
/* Where it has a seat, if it has one. */
static _Thread_local struct lot *seat;

/* The lock is held. False when there are all. */
static bool
start_one(struct lot *lot)
{
	pthread_attr_t attributes;
	unsigned i = atomic_load(&lot->started);
	if (i == lot->workers || atomic_load(&lot->is_ended))
		return false;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, LOT_STACK_SIZE);
	int number = pthread_create(&lot->threads[i], &attributes, worker_main,
		lot);
	pthread_attr_destroy(&attributes);
	if (number != 0) {
		log_event(LOG_ERROR, "no-thread", NULL,
			LOG_NUMBER("errno", number));
		exit(1);
	}
	atomic_store(&lot->started, i + 1);
	return true;
}

void
worker_start(struct lot *lot, unsigned count)
{
	if (atomic_load(&lot->started) == lot->workers)
		return;
	pthread_mutex_lock(&lot->start_lock);
	while (count > 0 && start_one(lot))
		count--;
	pthread_mutex_unlock(&lot->start_lock);
}

/* ---- seats ---- */

static void
take_seat(struct lot *lot)
{
	if (lot->seats == 0 || seat != NULL)
		return;
	pthread_mutex_lock(&lot->seat_lock);
	lot->standing++;
	while (lot->seated >= lot->seats && !atomic_load(&lot->is_ended))
		pthread_cond_wait(&lot->seat_free, &lot->seat_lock);
	lot->standing--;
	lot->seated++;
	pthread_mutex_unlock(&lot->seat_lock);
	seat = lot;
}

void
worker_stand(void)
{
	struct lot *lot = seat;
	if (lot == NULL)
		return;
	seat = NULL;
	pthread_mutex_lock(&lot->seat_lock);
	lot->seated--;
	/* Of those who stand some may be on their way to a seat already. */
	bool is_one_missing = lot->standing < lot->seats - lot->seated;
	pthread_mutex_unlock(&lot->seat_lock);
	pthread_cond_signal(&lot->seat_free);
	if (is_one_missing)
		worker_start(lot, 1);
}

void
worker_end_waiting(struct lot *lot)
{
	pthread_mutex_lock(&lot->seat_lock);
	pthread_cond_broadcast(&lot->seat_free);
	pthread_mutex_unlock(&lot->seat_lock);
}

/* ---- taking work ---- */

/* Who takes the last place among the idle sees to it that somebody else is
 * there for the next event, while there may be more threads. */
static void
take_place(struct lot *lot)
{
	if (atomic_fetch_sub(&lot->idle, 1) == 1 && lot->seats == 0)
		worker_start(lot, 1);
}

static void
wake_worker(struct lot *lot)
{
	uint64_t one = 1;
	ssize_t n = write(lot->wake, &one, sizeof(one));
	assert(n == sizeof(one));
}

void
worker_enqueue(struct lot *lot, struct slot *slot)
{
	if (is_accepting && own_next == NULL) {
		own_next = slot;
		return;
	}
	slot->next = NULL;
	pthread_mutex_lock(&lot->queue_lock);
	if (lot->queue_first == NULL)
		lot->queue_first = slot;
	else
		lot->queue_last->next = slot;
	lot->queue_last = slot;
	atomic_fetch_add(&lot->queue_length, 1);
	pthread_mutex_unlock(&lot->queue_lock);
	/* A worker raises idle before it looks at the queue for the last time,
	 * so one of the two sees the other. */
	if (atomic_load(&lot->idle) > 0)
		wake_worker(lot);
}

void
worker_enqueue_next(struct lot *lot, struct slot *slot)
{
	if (is_worker && own_next == NULL)
		own_next = slot;
	else
		worker_enqueue(lot, slot);
}

static struct slot *
dequeue(struct lot *lot)
{
	if (atomic_load(&lot->queue_length) == 0)
		return NULL;
	pthread_mutex_lock(&lot->queue_lock);
	struct slot *slot = lot->queue_first;
	if (slot != NULL) {
		lot->queue_first = slot->next;
		slot->next = NULL;
		atomic_fetch_sub(&lot->queue_length, 1);
	}
	pthread_mutex_unlock(&lot->queue_lock);
	/* As in take_place: this one may wait long, and those before it do. */
	if (slot != NULL && lot->seats == 0 && atomic_load(&lot->idle) == 0)
		worker_start(lot, 1);
	/* several wake-ups may have become one */
	if (slot != NULL && atomic_load(&lot->queue_length) > 0 &&
	    atomic_load(&lot->idle) > 0)
		wake_worker(lot);
	return slot;
}

/* Watches fd for `interest`; *watched is the descriptor epoll has for it. */
static bool
watch(struct lot *lot, int fd, int *watched, unsigned interest, uint64_t mark)
{
	struct epoll_event event = { .events = interest | EPOLLONESHOT,
		.data.u64 = mark };
	if (fd < 0) {
		*watched = -1;
		return true;
	}
	int operation = *watched == fd ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	if (epoll_ctl(lot->epoll, operation, fd, &event) < 0) {
		/* The number may stand for another file by now. */
		operation = errno == EEXIST ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
		if (epoll_ctl(lot->epoll, operation, fd, &event) < 0) {
			log_event(LOG_ERROR, "epoll-refused", NULL,
				LOG_NUMBER("fd", fd), LOG_NUMBER("errno", errno));
			return false;
		}
	}
	*watched = fd;
	return true;
}

/* False when the kernel watches no more descriptors (epoll(7),
 * max_user_watches): then the session cannot go on. */
static bool
arm(struct lot *lot, struct slot *slot, enum session_next next)
{
	struct session *session = slot->session;
	unsigned first = EPOLLIN, second = EPOLLIN;
	if (next == SESSION_PARK_WRITE)
		first = second = EPOLLOUT;
	if (next == SESSION_PARK_AS_SET) {
		first = session->interest;
		second = session->second_interest;
	}
	atomic_store_explicit(&slot->deadline, session->deadline,
		memory_order_relaxed);
	return watch(lot, session->fd, &slot->watched, first,
		slot_mark(slot, false)) &&
		watch(lot, session->second_fd, &slot->second_watched, second,
		slot_mark(slot, true));
}

static bool
choose_event(struct slot *slot, enum session_event *event)
{
	switch (slot_next_reason(slot)) {
	case SLOT_NEW:
		*event = SESSION_START;
		return true;
	case SLOT_STOP:
		*event = SESSION_STOP;
		return true;
	case SLOT_NUDGE:
		*event = SESSION_NUDGE;
		return true;
	case SLOT_RETIRE:
		*event = SESSION_NUDGE;
		return slot->session->can_move;
	case SLOT_EXPIRED:
		/* it may have been given another since */
		*event = SESSION_DEADLINE;
		return slot->session->deadline <= clock_monotonic();
	case SLOT_READY:
		if (slot->events == 0 && slot->second_events == 0)
			slot->events = slot->second_events = UINT32_MAX;
		slot->session->events = slot->events;
		slot->session->second_events = slot->second_events;
		slot->events = slot->second_events = 0;
		*event = slot->is_for_write ? SESSION_WRITABLE :
			SESSION_READABLE;
		return true;
	default:
		return false;
	}
}

/* Runs one event; as it was parked when there was none after all. */
static enum session_next
run_once(struct slot *slot)
{
	enum session_event event;
	if (!choose_event(slot, &event))
		return slot->parked_as;
	struct lot *lot = slot->session->lot;
	if (lot->idle_limit != 0)
		atomic_fetch_add(&lot->runs, 1);
	return slot->session->type->run(slot->session, event);
}

static void
end_slot(struct lot *lot, struct slot *slot, enum session_next next)
{
	struct session *session = slot->session;
	if (next == SESSION_CLOSE)
		session->type->free(&session);
	slot_give(&lot->slots, slot);
}

/* Runs the caller's slot until it parks, ends, or waits for its group. */
static void
run_slot(struct lot *lot, struct slot *slot)
{
	for (;;) {
		if (!slot->is_entered) {
			slot->group = slot->session->group;
			if (!group_enter(&lot->groups, slot->group, slot))
				return;
		}
		slot->is_entered = false;
		uint64_t group = slot->group;
		enum session_next next = run_once(slot);
		struct slot *waiter = group_leave(&lot->groups, group);
		if (waiter != NULL)
			worker_enqueue(lot, waiter);
		if (next == SESSION_CLOSE || next == SESSION_GIVEN) {
			end_slot(lot, slot, next);
			return;
		}
		slot->is_for_write = next == SESSION_PARK_WRITE;
		slot->parked_as = next;
		if (slot_has_reason(slot))
			continue;
		if (!arm(lot, slot, next)) {
			end_slot(lot, slot, SESSION_CLOSE);
			return;
		}
		if (slot_park(slot))
			return;
	}
}

/* As epoll_wait for one event; lines of the log that wait are written when for
 * a moment nothing comes. */
static int
wait_for_one(struct lot *lot, struct epoll_event *event)
{
	if (log_has_held()) {
		int count = epoll_wait(lot->epoll, event, 1, LOG_WAIT);
		if (count != 0)
			return count;
		log_flush();
	}
	return epoll_wait(lot->epoll, event, 1, -1);
}

/* The next session that woke up, or NULL: look at the queue again. */
static struct slot *
wait_for_event(struct lot *lot)
{
	struct epoll_event event;
	atomic_fetch_add(&lot->idle, 1);
	int count = 0;
	if (atomic_load(&lot->queue_length) == 0 &&
	    !atomic_load(&lot->is_ended))
		count = wait_for_one(lot, &event);
	take_place(lot);
	assert(count >= 0 || errno == EINTR);
	if (count <= 0 || event.data.u64 == LOT_MARK_WAKE)
		return NULL;
	if (LOT_MARK_IS_LISTENER(event.data.u64)) {
		is_accepting = true;
		listener_accept(lot, &lot->listeners[LOT_MARK_LISTENER(0) -
			event.data.u64]);
		is_accepting = false;
		return NULL;
	}
	struct slot *slot = slot_claim_mark(&lot->slots, event.data.u64,
		SLOT_READY);
	if (slot != NULL && (event.data.u64 >> 31 & 1) != 0)
		slot->second_events = event.events;
	else if (slot != NULL)
		slot->events = event.events;
	return slot;
}

void *
worker_main(void *context)
{
	struct lot *lot = context;
	is_worker = true;
	log_hold();
	for (;;) {
		take_seat(lot);
		struct slot *slot = own_next;
		own_next = NULL;
		if (slot == NULL)
			slot = dequeue(lot);
		if (slot == NULL && atomic_load(&lot->is_ended))
			break;
		if (slot == NULL)
			slot = wait_for_event(lot);
		if (slot != NULL)
			run_slot(lot, slot);
	}
	log_flush();
	wake_worker(lot);	/* the next one ends too */
	atomic_fetch_add(&lot->ended_workers, 1);
	lot_wake_housekeeping(lot);
	return NULL;
}
