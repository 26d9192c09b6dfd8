/* posthouse stop, reload, upgrade and status: requests to master itself. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "ctl/admin.h"
#include "ctl/check.h"
#include "ctl/ctl.h"
#include "ctl/output.h"
#include "ctl/pam_file.h"
#include "ctl/prepare.h"
#include "ctl/system.h"
#include "serve/counter.h"

enum { RELOAD_WAIT = 15000 };	/* ms */

int
ctl_stop(struct ctl *ctl)
{
	struct error error;
	struct timespec pause = { 0, 20000000 };
	int control;
	if (ctl->argc > 0)
		return ctl_usage(ctl_command_of(ctl_stop),
			"found \"%s\", expected nothing", ctl->argv[0]);
	if (ctl_load_config(ctl) != 0)
		return 1;
	if (system_request(ctl->config, CONTROL_STOP, -1, &error) < 0)
		return ctl_fail_error(&error);
	int64_t deadline = clock_monotonic() + 10000;
	while (system_connect(ctl->config, &control, &error) == 0) {
		file_close(&control);
		if (clock_monotonic() > deadline)
			return ctl_fail("the system has not stopped within 10 "
				"seconds");
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* Gives master the whole new configuration. */
static int
hand_over(struct ctl *ctl, ctl_function *command, enum control_kind kind)
{
	struct error error;
	struct buffer blob;
	if (ctl->argc > 0)
		return ctl_usage(ctl_command_of(command),
			"found \"%s\", expected nothing", ctl->argv[0]);
	if (ctl_load_config(ctl) != 0)
		return 1;
	/* a new version may want others */
	if (kind == CONTROL_UPGRADE &&
	    prepare_directories(ctl->config, &error) < 0)
		return ctl_fail_error(&error);
	if (prepare_certificate(ctl->config, &error) < 0 ||
	    check_mail_location(ctl->config, &error) < 0 ||
	    check_tables(ctl->config, &error) < 0 ||
	    check_keys(ctl->config, &error) < 0 ||
	    check_sources(ctl->config, &error) < 0)
		return ctl_fail_error(&error);
	pam_file_ensure(ctl->config);
	int memory = memfd_create("configuration", MFD_CLOEXEC);
	if (memory < 0)
		return ctl_fail("making a memory file failed");
	buffer_init(&blob, 0);
	config_write(ctl->config, NULL, &blob);
	int result = file_write_all(memory, buffer_span(&blob), &error);
	if (result == 0)
		result = system_request(ctl->config, kind, memory, &error);
	buffer_fini(&blob);
	file_close(&memory);
	return result < 0 ? ctl_fail_error(&error) : 0;
}

/* Those on demand are asked when they are needed. */
static void
note_unsettled(void *context, const struct control_message *message, int fd)
{
	char *name = context;
	(void)fd;
	if (message->value != CONTROL_SERVING && message->text[0] == '\0')
		snprintf(name, CONTROL_NAME_SIZE, "%.*s",
			CONTROL_NAME_SIZE - 1, message->peer);
}

/* Until what was changed is in force: zones are signed, listeners open. */
static int
wait_for_all(struct ctl *ctl)
{
	const struct timespec pause = { 0, 5000000 };
	const int64_t deadline = clock_monotonic() + RELOAD_WAIT;
	char name[CONTROL_NAME_SIZE];
	struct error error;
	for (;;) {
		name[0] = '\0';
		if (system_walk(ctl->config, note_unsettled, name,
		    &error) < 0)
			return ctl_fail_error(&error);
		if (name[0] == '\0')
			break;
		if (clock_monotonic() > deadline) {
			fprintf(stderr, "posthouse: warning: the new "
				"configuration holds, but %s has not taken it "
				"up within %d seconds\n", name,
				RELOAD_WAIT / 1000);
			return 0;
		}
		nanosleep(&pause, NULL);
	}
	admin_refresh_records(ctl);
	return 0;
}

int
ctl_reload(struct ctl *ctl)
{
	int result = hand_over(ctl, ctl_reload, CONTROL_RELOAD);
	return result != 0 ? result : wait_for_all(ctl);
}

int
ctl_upgrade(struct ctl *ctl)
{
	return hand_over(ctl, ctl_upgrade, CONTROL_UPGRADE);
}

/* ---- status ---- */

static const char *const counter_names[] = {
#define COUNTER_NAME(id, name, kind, text) name,
	COUNTER_LIST(COUNTER_NAME)
#undef COUNTER_NAME
};

/* Nothing of an old process of another version, which ends with its sessions. */
static void
add_counters(struct output *output, int fd)
{
	struct counter_numbers numbers;
	if (!counter_read(fd, &numbers))
		return;
	for (size_t i = 0; i < COUNTER_COUNT; i++)
		output_number(output, counter_names[i], numbers.value[i] >
			INT64_MAX ? INT64_MAX : (int64_t)numbers.value[i]);
}

static void
add_process(void *context, const struct control_message *message, int fd)
{
	struct output *output = context;
	char name[CONTROL_NAME_SIZE + 16], user[sizeof(message->text) + 1];
	snprintf(name, sizeof(name), "%.*s", CONTROL_NAME_SIZE, message->peer);
	snprintf(user, sizeof(user), "%.*s", (int)sizeof(message->text),
		message->text);
	output_row(output);
	output_text(output, "process", span_from(name));
	output_number(output, "instance", message->instance);
	output_text(output, "user", span_from(user));
	output_number(output, "pid", message->pid);
	output_number(output, "restarts", message->restarts);
	output_number(output, "uptime_seconds",
		message->started == 0 ? 0 :
		(clock_wall() - message->started) / 1000);
	add_counters(output, fd);
}

int
ctl_status(struct ctl *ctl)
{
	static const char *const short_columns[] = { "process", "instance",
		"user", "pid", "restarts", "uptime_seconds", "sessions_open",
		"sessions_total", "messages_accepted_total",
		"recipients_delivered_total", "queue_length", NULL };
	const char *columns[COUNTER_COUNT + 4] = { "process", "instance", "pid" };
	struct error error;
	bool all = ctl_take_flag(ctl, "--counters");
	for (size_t i = 0; i < COUNTER_COUNT; i++)
		columns[3 + i] = counter_names[i];
	if (ctl->argc > 0)
		return ctl_usage(ctl_command_of(ctl_status),
			"found \"%s\", expected nothing", ctl->argv[0]);
	if (ctl_load_config(ctl) != 0)
		return 1;
	struct output *output = output_new(ctl->json,
		all ? columns : short_columns);
	if (system_walk(ctl->config, add_process, output, &error) < 0)
		return ctl_fail_error(&error);
	output_end(&output);
	return 0;
}
