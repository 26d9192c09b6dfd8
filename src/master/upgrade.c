/*
 * An upgrade: new programs are installed, and the system goes over to them with
 * its sessions. master executes itself anew, keeping its pid, the listening
 * sockets, the sockets to its processes and their shared memory; the new one
 * starts all programs of the table beside those that run (candidates). When
 * all of them serve, they get all new wires and connections, and the old ones
 * retire: they end with their sessions. When anything fails before, nothing has
 * changed. Who is alone (base/services.h) waits, when his program has begun,
 * for the end of his predecessor and for what that leaves him.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/birth.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/service_files.h"
#include "master/master.h"

enum {
	TRIAL_MOST = 10,		/* s for the new master to look at all */
	BEGIN_MOST = 30000,		/* ms until all candidates serve */
	RETIRE_MOST = 25000,		/* ms for one whose successor waits */
};

struct row {
	char program[SERVICES_NAME_SIZE];
	struct child child;
};

/* ---- the old master ---- */

static void
pass_on(const struct master *master, const struct heritage *heritage,
	const int own[2], bool is_passed_on)
{
	heritage_pass_on_all(heritage, &master->listeners, is_passed_on);
	for (size_t i = 0; i < master->child_count; i++) {
		heritage_pass_on(master->children[i].control, is_passed_on);
		heritage_pass_on(master->children[i].page, is_passed_on);
	}
	heritage_pass_on(own[0], is_passed_on);
	heritage_pass_on(own[1], is_passed_on);
}

static int
leave(const struct master *master, struct heritage *heritage,
	struct error *error)
{
	struct buffer bytes;
	buffer_init(&bytes, 0);
	heritage->message_size = sizeof(struct control_message);
	heritage->row_count = (uint32_t)master->child_count;
	heritage->row_size = sizeof(struct row);
	memcpy(heritage->commands, master->commands, sizeof(master->commands));
	heritage_write(heritage, &master->listeners, &bytes);
	for (size_t i = 0; i < master->child_count; i++) {
		struct row row = { .child = master->children[i] };
		snprintf(row.program, sizeof(row.program), "%s",
			row.child.program->name);
		buffer_add(&bytes, span_of(&row, sizeof(row)));
	}
	int fd = file_open_memory("heritage", buffer_span(&bytes), error);
	buffer_fini(&bytes);
	return fd;
}

/* The same program twice: first only to look whether it could. */
static int
execute(const struct master *master, const int own[2], struct error *error)
{
	char path[4096], config[16], heritage[16];
	char *arguments[] = { (char *)(uintptr_t)"master", config,
		(char *)(uintptr_t)master->pattern,
		(char *)(uintptr_t)master->table, heritage,
		(char *)(uintptr_t)"try", NULL };
	snprintf(config, sizeof(config), "%d", own[0]);
	snprintf(heritage, sizeof(heritage), "%d", own[1]);
	if (!birth_path(master->pattern, "master", path, sizeof(path)))
		return error_set(error, ERROR_USAGE, "the path is too long");
	if (birth_try(path, arguments, TRIAL_MOST, error) < 0)
		return -1;
	arguments[5] = NULL;
	lseek(own[0], 0, SEEK_SET);
	log_event(LOG_INFO, "upgrade", NULL);
	log_flush();
	execv(path, arguments);
	return error_set_errno(error, "executing %s", path);
}

int
upgrade_execute(struct master *master, int asker, int config,
	struct error *error)
{
	struct config *wanted = NULL;
	struct heritage heritage = { .runtime_dir = master->runtime_dir,
		.lock = master->lock, .asker = asker,
		.command_listener = master->command_listener,
		.generations = master->generations,
		.generations_read_only = master->generations_read_only };
	if (master->upgrade_until != 0 || !master->is_started)
		return error_set(error, ERROR_LATER,
			"an upgrade or the start is under way");
	if (config_read(config, &wanted, error) < 0)
		return -1;
	lseek(config, 0, SEEK_SET);
	int result = services_check_pinned(master->config, wanted, error);
	config_free(&wanted);
	int own[2] = { config, result < 0 ? -1 :
		leave(master, &heritage, error) };
	if (own[1] < 0)
		return -1;
	pass_on(master, &heritage, own, true);
	result = execute(master, own, error);
	pass_on(master, &heritage, own, false);
	file_close(&own[1]);
	return result;
}

/* ---- the new one ---- */

static struct child *
find_place(struct master *master, const struct program *program,
	unsigned instance)
{
	for (size_t i = 0; i < master->child_count; i++)
		if (master->children[i].program == program &&
		    master->children[i].instance == instance &&
		    master->children[i].stage == CHILD_CURRENT)
			return &master->children[i];
	return NULL;
}

static int
take_row(struct master *master, const struct row *row, struct error *error)
{
	const struct program *program = NULL;
	for (size_t i = 0; i < master->services.program_count; i++)
		if (strcmp(master->services.programs[i].name, row->program) == 0)
			program = &master->services.programs[i];
	struct child *place = program == NULL || program->is_on_demand ||
		row->child.stage != CHILD_CURRENT ? NULL :
		find_place(master, program, row->child.instance);
	if (place == NULL && row->child.pid == 0)
		return 0;
	if (program == NULL || (place == NULL &&
	    master->child_count == MASTER_CHILDREN))
		return error_set(error, ERROR_USAGE, "this version has no place "
			"for %.*s (%u): restart the system", SERVICES_NAME_SIZE,
			row->program, row->child.instance);
	if (place == NULL)
		place = &master->children[master->child_count++];
	else
		file_close(&place->page);
	*place = row->child;
	place->program = program;
	heritage_pass_on(place->control, false);
	heritage_pass_on(place->page, false);
	return 0;
}

int
upgrade_take_over(struct master *master, int fd, struct error *error)
{
	struct heritage heritage;
	struct row row;
	if (heritage_read(fd, &heritage, &master->services,
	    &master->listeners, error) < 0)
		return -1;
	if (heritage.message_size != sizeof(struct control_message))
		return error_set(error, ERROR_USAGE, "this version speaks "
			"differently with its processes: restart the system");
	master->runtime_dir = heritage.runtime_dir;
	master->listeners.directory = heritage.runtime_dir;
	master->lock = heritage.lock;
	master->command_listener = heritage.command_listener;
	memcpy(master->commands, heritage.commands, sizeof(master->commands));
	master->asker = heritage.asker;
	master->generations = heritage.generations;
	master->generations_read_only = heritage.generations_read_only;
	master->is_started = true;
	int result = child_prepare(master, error);
	for (uint32_t i = 0; result == 0 && i < heritage.row_count; i++)
		if ((result = heritage_read_row(fd, &heritage, &row,
		    sizeof(row), error)) == 0)
			result = take_row(master, &row, error);
	close(fd);
	return result;
}

void
upgrade_begin(struct master *master)
{
	const size_t count = master->child_count;
	struct error error;
	master->upgrade_until = clock_monotonic() + BEGIN_MOST;
	for (size_t i = 0; i < count; i++) {
		const struct child *old = &master->children[i];
		if (old->pid == 0 || old->stage != CHILD_CURRENT ||
		    !services_wants(old->program, master->config))
			continue;
		int result = child_add(master, old->program, old->instance,
			&error);
		struct child *new = &master->children[master->child_count - 1];
		if (result == 0) {
			new->stage = CHILD_CANDIDATE;
			result = child_start(master, new, 0, &error);
		}
		if (result < 0) {
			upgrade_give_up(master, error.text);
			return;
		}
	}
}

static void
finish(struct master *master, int number, const char *text)
{
	master->upgrade_until = 0;
	/* it may have gone meanwhile */
	for (size_t i = 0; i < MASTER_COMMANDS; i++)
		if (master->asker >= 0 && master->commands[i] == master->asker)
			command_answer(master->asker, 1, number, text);
	master->asker = -1;
}

void
upgrade_give_up(struct master *master, const char *reason)
{
	char text[200];
	if (master->upgrade_until == 0)
		return;
	snprintf(text, sizeof(text), "the new system could not start (%s), the "
		"old one goes on; the log says why", reason);
	log_event(LOG_ERROR, "upgrade-failed", NULL, LOG_TEXT("reason", reason));
	for (size_t i = 0; i < master->child_count; i++)
		if (master->children[i].stage == CHILD_CANDIDATE &&
		    master->children[i].pid > 0)
			kill(master->children[i].pid, SIGKILL);
	finish(master, ERROR_REFUSED, text);
}

/* Both end of the pair are theirs: its end is how the one hears of the other's. */
static void
replace(struct master *master, struct child *candidate, int64_t now)
{
	struct child *old = find_place(master, candidate->program,
		candidate->instance);
	struct child new = *candidate;
	struct error error;
	int pair[2] = { -1, -1 };
	const bool is_alone = new.program->is_alone && old->pid > 0;
	*candidate = *old;
	*old = new;
	old->stage = CHILD_CURRENT;
	candidate->stage = CHILD_RETIRED;
	candidate->kill_at = is_alone ? now + RETIRE_MOST : 0;
	if ((is_alone && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
	    pair) < 0) || (candidate->pid > 0 && control_tell(
	    candidate->control, CONTROL_RETIRE, "", pair, is_alone,
	    &error) < 0))
		kill(candidate->pid, SIGKILL);
	if ((new.program->is_alone && control_tell(new.control, CONTROL_GO, "",
	    &pair[1], is_alone, &error) < 0) ||
	    child_tell_listeners(master, old, &error) < 0)
		kill(new.pid, SIGKILL);
	file_close(&pair[0]);
	file_close(&pair[1]);
}

static void
go_over(struct master *master, int64_t now)
{
	struct error error;
	if (listeners_open(&master->listeners, &master->services,
	    master->config, &error) < 0)
		log_event(LOG_ERROR, "listeners-not-opened", NULL,
			LOG_TEXT("reason", error.text));
	for (size_t i = 0; i < master->child_count; i++)
		if (master->children[i].stage == CHILD_CANDIDATE)
			replace(master, &master->children[i], now);
	for (size_t i = 0; i < master->child_count; i++)
		if (master->children[i].control >= 0)
			control_tell(master->children[i].control, CONTROL_FRESH,
				"", NULL, 0, &error);
	listeners_close_unwanted(&master->listeners);
	log_event(LOG_INFO, "upgraded", NULL);
	finish(master, 0, "");
}

void
upgrade_tick(struct master *master, int64_t now)
{
	bool is_ready = master->upgrade_until != 0 && master->stop_began == 0;
	for (size_t i = master->child_count; i-- > 0;) {
		struct child *child = &master->children[i];
		if (child->kill_at != 0 && child->pid > 0 &&
		    now >= child->kill_at)
			kill(child->pid, SIGKILL);
		if (child->stage == CHILD_CANDIDATE && !child->is_ready)
			is_ready = false;
		if (child->stage == CHILD_CURRENT || child->pid > 0)
			continue;
		file_close(&child->control);
		file_close(&child->page);
		*child = master->children[--master->child_count];
	}
	if (is_ready)
		go_over(master, now);
	else if (master->upgrade_until != 0 && now >= master->upgrade_until)
		upgrade_give_up(master, "it takes too long");
}
