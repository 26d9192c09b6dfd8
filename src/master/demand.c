/*
 * Processes on demand: one for a system user while somebody asks for a wire to
 * it, under his uid. How many there are, and how many begin in a second, is
 * limited; who fails again and again is not started more often than others
 * that fail. Nothing of it makes master wait: who the user is finds out the
 * forked child (starter.c).
 *
 * Such a process ends by agreement. It says that it has had nothing to do, and
 * how many wires it got; master tells it to end only if it offered no more. So
 * no wire is lost in its socket, and one that is asked for while it ends goes
 * to the next one, which waits until it is gone.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "master/master.h"

enum {
	BEGIN_A_SECOND = 100,		/* processes */
	FORGET = 3600000,		/* ms until a failure is forgotten */
	END_MOST = 5000,		/* ms that one may take to end */
};

static bool
is_free(const struct child *child, int64_t now)
{
	return child->program->is_on_demand && child->pid == 0 &&
		(child->failures == 0 || now - child->restart_at > FORGET);
}

/* NULL when there are none. */
static struct child *
take_place(struct master *master, const struct program *program, uint32_t uid,
	int64_t now)
{
	struct child *place = NULL;
	struct error error;
	for (size_t i = 0; place == NULL && i < master->child_count; i++)
		if (is_free(&master->children[i], now))
			place = &master->children[i];
	if (place == NULL && master->child_count < MASTER_CHILDREN)
		place = &master->children[master->child_count];
	if (place == NULL)
		return NULL;
	if (place < master->children + master->child_count)
		file_close(&place->page);
	if (child_init(place, program, uid, &error) < 0)
		return NULL;
	if (place == master->children + master->child_count)
		master->child_count++;
	return place;
}

/* Not a line for each: the callers may be thousands. */
static struct child *
refuse(struct master *master, const struct program *program, uint32_t uid,
	const char *reason)
{
	if (pace_take(&master->refusals, clock_monotonic(), 1))
		log_event(LOG_WARN, "process-refused", NULL,
			LOG_TEXT("program", program->name),
			LOG_NUMBER("uid", uid), LOG_TEXT("reason", reason));
	return NULL;
}

/* place: where it failed before, or NULL. running: of the program. */
static struct child *
begin(struct master *master, struct child *place, pid_t before,
	const struct child *wanted, unsigned running)
{
	const struct program *program = wanted->program;
	const uint32_t uid = wanted->instance;
	const int64_t now = clock_monotonic();
	struct error error;
	uint64_t most = program->parameter[0] == '\0' ? program->count :
		config_number(master->config, program->parameter);
	if (place != NULL && place->restart_at > now)
		return refuse(master, program, uid, "it fails again and again");
	if (running >= most)
		return refuse(master, program, uid, "too many run already");
	if (!pace_take(&master->demands, now, BEGIN_A_SECOND))
		return refuse(master, program, uid, "too many begin at once");
	if (place == NULL)
		place = take_place(master, program, uid, now);
	if (place == NULL)
		return refuse(master, program, uid, "there is no place");
	place->owner[0] = '\0';
	if (child_start(master, place, before, &error) == 0)
		return place;
	place->began = now;
	child_plan_restart(place, now);
	return refuse(master, program, uid, error.text);
}

struct child *
demand_get(struct master *master, const struct program *program, uint32_t uid)
{
	const struct child wanted = { .program = program, .instance = uid };
	struct child *place = NULL;
	pid_t before = 0;
	unsigned running = 0;
	if (master->stop_began != 0 || !master->is_started)
		return NULL;
	/* one that has just died is not offered anything */
	child_reap(master);
	for (size_t i = 0; i < master->child_count; i++) {
		struct child *child = &master->children[i];
		if (child->program != program)
			continue;
		running += child->pid > 0;
		if (child->instance != uid)
			continue;
		if (child->pid > 0 && !child->is_told)
			return child;
		if (child->pid > 0)
			before = child->pid;
		else if (child->failures > 0)
			place = child;
	}
	return begin(master, place, before, &wanted, running);
}

bool
demand_take(struct child *child, const struct control_message *message)
{
	if (!child->program->is_on_demand || child->is_told)
		return child->program->is_on_demand;
	if (message->kind == CONTROL_OWNER) {
		if (child->owner[0] != '\0')
			return false;
		snprintf(child->owner, sizeof(child->owner), "%.*s",
			OWNER_NAME_SIZE - 1, message->text);
		log_event(LOG_INFO, "process-on-demand", NULL,
			LOG_TEXT("program", child->program->name),
			LOG_NUMBER("uid", child->instance),
			LOG_TEXT("user", child->owner),
			LOG_NUMBER("pid", child->pid));
		return true;
	}
	if (message->kind != CONTROL_IDLE)
		return false;
	if (message->value != child->offers)
		return true;
	child_tell_end(child);
	return true;
}

void
demand_end(struct child *child, int64_t now)
{
	if (!child->is_told) {
		child_plan_restart(child, now);
		return;
	}
	child->failures = 0;
	file_close(&child->page);
}

int64_t
demand_tick(struct child *child, int64_t now)
{
	if (child->pid == 0 || !child->is_told)
		return INT64_MAX;
	if (now - child->told >= END_MOST) {
		kill(child->pid, SIGKILL);
		return now + END_MOST;
	}
	return child->told + END_MOST;
}
