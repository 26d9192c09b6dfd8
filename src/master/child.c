/*
 * The processes: starting, listening to, restarting and ending them. They are
 * born with the descriptors that serve/process.h lists and nothing else.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/birth.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "master/master.h"
#include "serve/counter.h"

enum {
	RESTART_FORGET = 60000,		/* lived so long: all is well again */
	MESSAGES_A_SECOND = 2000,	/* from one process; more is an attack */
	BIRTH_FDS = 8,
	/* The end: who faces strangers has so long to finish, then the next
	 * stage begins whatever happened, and then comes kill -9. */
	STOP_FIRST = 3000, STOP_STAGE = 400, STOP_KILL = 4500,
};

static int
make_config(const struct master *master, const char *program,
	struct error *error)
{
	struct buffer blob;
	buffer_init(&blob, 0);
	config_write(master->config, program, &blob);
	int fd = file_open_memory("configuration", buffer_span(&blob), error);
	buffer_fini(&blob);
	return fd;
}

/* The files of one row: each with its place, also those that are not there. */
static int
tell_file(const struct child *child, const struct program_file *file,
	const int fds[SERVICES_FILES], struct error *error)
{
	struct control_message message = { .version = CONTROL_VERSION,
		.kind = CONTROL_FILE };
	size_t count = file->kind[0] == '\0' ? 1 : SERVICES_FILES;
	snprintf(message.service, sizeof(message.service), "%s",
		file->parameter);
	for (; message.instance < count; message.instance++)
		if (control_send(child->control, &message,
		    &fds[message.instance], fds[message.instance] >= 0,
		    error) < 0)
			return -1;
	return 0;
}

static int
tell_files(const struct master *master, const struct child *child,
	struct error *error)
{
	for (size_t i = 0; i < master->services.file_count; i++) {
		const struct program_file *file = &master->services.files[i];
		if (file->program == child->program && tell_file(child, file,
		    master->files[i], error) < 0)
			return -1;
	}
	return 0;
}

int
child_tell_listeners(const struct master *master, const struct child *child,
	struct error *error)
{
	for (size_t i = 0; i < master->listeners.count; i++) {
		const struct listener_socket *listener =
			&master->listeners.listener[i];
		if (listener->row->program == child->program &&
		    control_tell(child->control, CONTROL_LISTENER, listener->row->service,
		    &listener->fd, 1, error) < 0)
			return -1;
	}
	return 0;
}

/* ---- birth ---- */

/* In the child: exactly the descriptors of birth, in their places. */
static void
be_born(const struct master *master, const struct child *child, pid_t before,
	const int fds[2])
{
	const int wanted[BIRTH_FDS] = { master->null, master->log, master->log,
		fds[0], fds[1], child->page,
		birth_may_raise(child->program->name) ?
			master->generations : master->generations_read_only,
		master->log_copy };
	struct owner owner = { .uid = child->uid, .gid = child->gid };
	sigset_t none;
	if (birth_descriptors(wanted, BIRTH_FDS) < 0)
		_exit(126);
	log_redirect(2, 7);
	setsid();	/* a key press at the terminal is for master only */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	snprintf(owner.user, sizeof(owner.user), "%s", child->program->user);
	if (child->program->is_on_demand &&
	    starter_run(master, child, before, &owner) < 0)
		_exit(1);
	birth_execute(&(struct birth){ .pattern = master->pattern,
		.name = child->program->name,
		.executable = child->program->executable,
		.has_instance = child->program->count > 1 ||
		child->program->is_on_demand, .instance = child->instance,
		.owner = &owner, .is_owned = child->program->is_on_demand });
	_exit(127);
}

/* A candidate gets its listeners, and what only one may have, later. */
static int
may_begin(const struct master *master, const struct child *child,
	struct error *error)
{
	if (child->stage != CHILD_CANDIDATE)
		return child_tell_listeners(master, child, error);
	return !child->program->is_alone ? 0 :
		control_tell(child->control, CONTROL_WAIT, "", NULL, 0, error);
}

int
child_start(struct master *master, struct child *child, pid_t before,
	struct error *error)
{
	int pair[2];
	int config = make_config(master, child->program->executable, error);
	if (config < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		file_close(&config);
		return error_set_errno(error, "making a socket pair");
	}
	child->control = pair[0];
	/* room for all listeners of many addresses */
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &(int){ 1 << 20 }, sizeof(int));
	pid_t pid = -1;
	/* files first, so that the process has them when it begins */
	if (tell_files(master, child, error) == 0 &&
	    may_begin(master, child, error) == 0) {
		pid = fork();
		if (pid < 0)
			error_set_errno(error, "starting %s",
				child->program->name);
	}
	if (pid == 0)
		be_born(master, child, before, (int[]){ pair[1], config });
	file_close(&config);
	file_close(&pair[1]);
	if (pid < 0) {
		file_close(&child->control);
		return -1;
	}
	child->pid = pid;
	child->is_ready = child->is_told = child->owes_reload = false;
	child->settling = 0;
	child->restart_at = 0;
	child->offers = 0;
	/* what the one before it did is not its fault */
	child->messages = (struct pace){ 0 };
	child->started = clock_wall();
	child->began = clock_monotonic();
	return 0;
}

int
child_init(struct child *child, const struct program *program,
	unsigned instance, struct error *error)
{
	*child = (struct child){ .program = program, .instance = instance,
		.control = -1 };
	child->page = file_open_shared(COUNTER_PAGE_SIZE, NULL, error);
	return child->page < 0 ? -1 : 0;
}

int
child_add(struct master *master, const struct program *program,
	unsigned instance, struct error *error)
{
	if (master->child_count == MASTER_CHILDREN)
		return error_set(error, ERROR_USAGE, "more than %d processes",
			MASTER_CHILDREN);
	struct child *child = &master->children[master->child_count];
	if (child_init(child, program, instance, error) < 0 ||
	    owner_of_program(program->user, &child->uid, &child->gid,
	    error) < 0)
		return -1;
	master->child_count++;
	return 0;
}

int
child_prepare(struct master *master, struct error *error)
{
	if (master->generations < 0)
		master->generations = file_open_shared(COUNTER_PAGE_SIZE,
			&master->generations_read_only, error);
	if (master->generations < 0)
		return -1;
	for (size_t i = 0; i < master->services.program_count; i++) {
		const struct program *program = &master->services.programs[i];
		for (unsigned j = 0; j < program->count &&
		    !program->is_on_demand; j++)
			if (child_add(master, program, j, error) < 0)
				return -1;
	}
	return 0;
}

int
child_start_all(struct master *master, struct error *error)
{
	for (size_t i = 0; i < master->child_count; i++)
		if (services_wants(master->children[i].program,
		    master->config) &&
		    child_start(master, &master->children[i], 0, error) < 0)
			return -1;
	return 0;
}

/* ---- death ---- */

static void
log_end(const struct child *child, int status)
{
	bool is_signal = WIFSIGNALED(status);
	bool is_meant = child->is_told || child->stage == CHILD_RETIRED;
	log_event(is_meant ? LOG_INFO : LOG_ERROR, "process-ended", NULL,
		LOG_TEXT("program", child->program->name),
		LOG_NUMBER("instance", child->instance),
		LOG_NUMBER("pid", child->pid),
		is_signal ? LOG_NUMBER("signal", WTERMSIG(status)) :
		LOG_NUMBER("status", WEXITSTATUS(status)));
}

void
child_plan_restart(struct child *child, int64_t now)
{
	if (now - child->began >= RESTART_FORGET)
		child->failures = 0;
	child->restart_at = now + pace_back_off(++child->failures);
}

static void
end_child(struct master *master, struct child *child, int status)
{
	log_end(child, status);
	child->pid = 0;
	file_close(&child->control);
	if (child->program->is_on_demand)
		demand_end(child, clock_monotonic());
	if (child->stage == CHILD_CANDIDATE)
		upgrade_give_up(master, child->program->name);
	if (master->stop_began != 0 || child->program->is_on_demand ||
	    child->stage != CHILD_CURRENT)
		return;
	if (!master->is_started) {
		fprintf(stderr, "posthouse: %s could not start; the log says "
			"why\n", child->program->name);
		master->is_failed = true;
		child_stop_all(master);
		return;
	}
	child_plan_restart(child, clock_monotonic());
}

void
child_reap(struct master *master)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < master->child_count; i++)
			if (master->children[i].pid == pid)
				end_child(master, &master->children[i], status);
}

/* ---- life ---- */

static void
take_message(struct master *master, struct child *child,
	const struct control_message *message)
{
	switch (message->kind) {
	case CONTROL_READY:
		child->is_ready = true;
		break;
	case CONTROL_SETTLED:
		if (message->serial == child->settling)
			child->settling = 0;
		break;
	case CONTROL_CONNECT:
		wires_connect(master, child->control, child, message);
		break;
	case CONTROL_STATUS:
		if (child->program->is_watcher) {
			command_send_status(master, child->control, message,
				false);
			break;
		}
		/* fall through */
	default:
		if (demand_take(child, message))
			break;
		log_event(LOG_WARN, "message-refused", NULL,
			LOG_TEXT("program", child->program->name),
			LOG_NUMBER("kind", message->kind));
	}
}

void
child_read(struct master *master, struct child *child)
{
	struct control_message message;
	int fd;
	/* not more at a time: others wait too */
	for (int i = 0; i < 32; i++) {
		enum control_result result =
			control_receive(child->control, &message, &fd);
		file_close(&fd);
		if (result == CONTROL_NONE)
			return;
		/* ours ask for a few wires a second; see wire.c */
		if (result == CONTROL_GONE || !pace_take(&child->messages,
		    clock_monotonic(), MESSAGES_A_SECOND)) {
			/* it ends, or does what no process of ours does */
			file_close(&child->control);
			if (child->pid > 0 && !child->is_told)
				kill(child->pid, SIGKILL);
			return;
		}
		take_message(master, child, &message);
	}
}

/* A process knows the listeners it has already. */
static int
reload_one(struct master *master, struct child *child, struct error *error)
{
	const struct control_message settle = { .version = CONTROL_VERSION,
		.kind = CONTROL_SETTLE, .serial = master->reloads };
	int logs[2] = { master->log, master->log_copy };
	int config = make_config(master, child->program->executable, error);
	if (config < 0)
		return -1;
	int result = control_tell(child->control, CONTROL_LOG, "", logs, 2, error);
	if (result == 0)
		result = tell_files(master, child, error);
	if (result == 0)
		result = control_tell(child->control, CONTROL_CONFIG, "", &config, 1, error);
	if (result == 0)
		result = child_tell_listeners(master, child, error);
	if (result == 0)
		result = control_send(child->control, &settle, NULL, 0, error);
	file_close(&config);
	return result;
}

void
child_reload_all(struct master *master)
{
	struct error error;
	master->reloads++;
	for (size_t i = 0; i < master->child_count; i++) {
		struct child *child = &master->children[i];
		if (child->control < 0 || child->stage != CHILD_CURRENT)
			continue;
		child->settling = master->reloads;
		child->owes_reload = reload_one(master, child, &error) < 0;
	}
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void
restart(struct master *master, struct child *child, int64_t now)
{
	struct error error;
	child->restarts += child->began != 0;
	if (child_start(master, child, 0, &error) == 0) {
		log_event(LOG_WARN, child->restarts == 0 ? "process-started" :
			"process-restarted", NULL,
			LOG_TEXT("program", child->program->name),
			LOG_NUMBER("instance", child->instance),
			LOG_NUMBER("restarts", child->restarts));
		return;
	}
	log_event(LOG_ERROR, "process-not-restarted", NULL,
		LOG_TEXT("program", child->program->name),
		LOG_TEXT("reason", error.text));
	child->began = now;
	child_plan_restart(child, now);
}

/* ---- the end ---- */

void
child_stop_all(struct master *master)
{
	if (master->stop_began == 0)
		master->stop_began = clock_monotonic();
}

bool
child_is_any_alive(const struct master *master)
{
	for (size_t i = 0; i < master->child_count; i++)
		if (master->children[i].pid > 0)
			return true;
	return false;
}

/* The first that is found is mostly one of the first. */
static bool
is_program_alive(const struct master *master, const char *name)
{
	for (size_t i = 0; i < master->child_count; i++)
		if (master->children[i].pid > 0 &&
		    strcmp(master->children[i].program->name, name) == 0)
			return true;
	return false;
}

static bool
has_caller_alive(const struct master *master, const struct child *child)
{
	for (size_t i = 0; i < master->services.wire_count; i++) {
		const struct wire_row *wire = &master->services.wires[i];
		if (wire->callee == child->program &&
		    is_program_alive(master, wire->caller))
			return true;
	}
	return false;
}

void
child_tell_end(struct child *child)
{
	struct error error;
	child->is_told = true;
	child->told = clock_monotonic();
	if (control_tell(child->control, CONTROL_END, "", NULL, 0, &error) < 0)
		kill(child->pid, SIGKILL);
}

/* Whoever is still needed by others goes on until they have ended. */
static int64_t
stop_one(struct master *master, struct child *child, int64_t now)
{
	int64_t at = master->stop_began;
	if (child->program->depth > 0)
		at += STOP_FIRST + STOP_STAGE * (child->program->depth - 1);
	if (child->pid <= 0)
		return INT64_MAX;
	if (now >= master->stop_began + STOP_KILL)
		kill(child->pid, SIGKILL);
	if (child->is_told)
		return master->stop_began + STOP_KILL;
	if (now < at && has_caller_alive(master, child))
		return at;
	child_tell_end(child);
	return master->stop_began + STOP_KILL;
}

int64_t
child_tick(struct master *master, int64_t now)
{
	int64_t next = INT64_MAX;
	struct error error;
	upgrade_tick(master, now);
	for (size_t i = 0; i < master->child_count; i++) {
		struct child *child = &master->children[i];
		if (child->kill_at != 0 || master->upgrade_until != 0)
			next = earlier(next, now + 1000);
		if (master->stop_began != 0) {
			next = earlier(next, stop_one(master, child, now));
			continue;
		}
		bool is_kept = !child->program->is_on_demand;
		if (child->stage != CHILD_CURRENT)
			continue;
		if (!is_kept)
			next = earlier(next, demand_tick(child, now));
		else if (!services_wants(child->program, master->config)) {
			if (child->pid > 0 && !child->is_told)
				child_tell_end(child);
			continue;
		}
		if (is_kept && child->pid == 0 && child->restart_at <= now)
			restart(master, child, now);
		if (child->owes_reload && child->control >= 0 &&
		    reload_one(master, child, &error) == 0)
			child->owes_reload = false;
		if (is_kept && child->pid == 0)
			next = earlier(next, child->restart_at);
		if (child->owes_reload)
			next = earlier(next, now + 1000);
	}
	return next;
}
