/*
 * One question to master at a time; those who want to know meanwhile wait for
 * its answer. Rows are filled by the housekeeping thread.
 */
#include "serve/watch.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "serve/session.h"
#include "serve/supervisor.h"

static struct {
	pthread_mutex_t lock;		/* of everything here */
	pthread_cond_t answered;
	bool is_asking;
	uint32_t serial;
	struct watched filling[WATCH_LIMIT], row[WATCH_LIMIT];
	size_t filled, count;
	int64_t answered_at;		/* monotonic ms; 0: never */
} watch = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.answered = PTHREAD_COND_INITIALIZER,
};

/* With the lock held. */
static void
ask(void)
{
	struct control_message message = { .version = CONTROL_VERSION,
		.kind = CONTROL_STATUS };
	struct error error;
	if (supervisor_fd() < 0)
		return;
	message.serial = ++watch.serial;
	watch.filled = 0;
	watch.is_asking = supervisor_send(&message, &error) == 0;
}

static bool
is_fresh(void)
{
	return watch.answered_at != 0 &&
		clock_monotonic() - watch.answered_at < WATCH_FRESH;
}

size_t
watch_look(struct watched *rows, int64_t deadline)
{
	struct timespec until = { deadline / 1000, deadline % 1000 * 1000000 };
	lot_step_aside();
	pthread_mutex_lock(&watch.lock);
	if (!is_fresh() && !watch.is_asking)
		ask();
	while (watch.is_asking && clock_monotonic() < deadline)
		pthread_cond_clockwait(&watch.answered, &watch.lock,
			CLOCK_MONOTONIC, &until);
	watch.is_asking = false;
	size_t count = is_fresh() ? watch.count : 0;
	memcpy(rows, watch.row, count * sizeof(*rows));
	pthread_mutex_unlock(&watch.lock);
	return count;
}

/* ---- what master says ---- */

static struct watched *
find_row(const struct control_message *message, bool is_on_demand)
{
	for (size_t i = 0; i < watch.filled; i++)
		if (strcmp(watch.filling[i].name, message->peer) == 0 &&
		    (is_on_demand || watch.filling[i].instance ==
		    message->instance))
			return &watch.filling[i];
	if (watch.filled == WATCH_LIMIT)
		return NULL;
	struct watched *row = &watch.filling[watch.filled++];
	*row = (struct watched){ .instance = is_on_demand ? 0 :
		message->instance };
	snprintf(row->name, sizeof(row->name), "%s", message->peer);
	return row;
}

static void
add_numbers(struct watched *row, int fd)
{
	struct counter_numbers numbers;
	if (!counter_read(fd, &numbers))
		return;
	for (size_t i = 0; i < COUNTER_COUNT; i++)
		row->value[i] += numbers.value[i];
	for (size_t i = 0; i < HISTOGRAM_COUNT; i++)
		histogram_add(&row->histogram[i], &numbers.histogram[i]);
}

static void
take_process(const struct control_message *message, int fd)
{
	bool is_on_demand = message->text[0] != '\0';
	struct watched *row = find_row(message, is_on_demand);
	if (row == NULL)
		return;
	row->count += is_on_demand;
	row->is_up |= message->pid > 0 && message->value != CONTROL_STARTING;
	row->restarts += message->restarts;
	row->started = message->started;
	add_numbers(row, fd);
}

void
watch_take(const struct control_message *message, int fd)
{
	pthread_mutex_lock(&watch.lock);
	if (watch.is_asking && message->serial == watch.serial) {
		if (message->kind == CONTROL_PROCESS) {
			take_process(message, fd);
		} else {
			memcpy(watch.row, watch.filling, watch.filled *
				sizeof(watch.row[0]));
			watch.count = watch.filled;
			watch.answered_at = clock_monotonic();
			watch.is_asking = false;
			pthread_cond_broadcast(&watch.answered);
		}
	}
	pthread_mutex_unlock(&watch.lock);
}
