/*
 * master: the only daemon that stays root. It opens what the others may not
 * open themselves (listeners, keys, the log), starts them, joins them with
 * wires as etc/services says, starts again who died, and ends all in order.
 * It has one thread, opens no connection, and parses nothing that a child
 * sends but struct control_message (proto/control.h).
 *
 * usage, by `posthouse serve`: master CONFIG-FD PATTERN SERVICES; by itself at
 * an upgrade the same with HERITAGE-FD [try] (upgrade.c)
 *	CONFIG-FD	descriptor of the whole effective configuration
 *			(config_write with no program), at its beginning
 *	PATTERN		path of the programs, each "%s" being the program's
 *			name: "/usr/lib/posthouse/%s" or "build/src/%s/%s"
 *	SERVICES	path of etc/services
 *
 * When all are ready: `listen SERVICE ADDRESS:PORT` for each TCP listener, `ready`.
 * What is wrong before is one sentence on standard error and exit status 1.
 * TERM and INT end the system within 5 s; HUP opens the log files anew.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/birth.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/notify.h"
#include "base/service_files.h"
#include "base/signals.h"
#include "master/master.h"

static struct master master = { .runtime_dir = -1, .lock = -1,
	.command_listener = -1, .generations = -1, .asker = -1, .log = -1, .log_copy = -1, .null = -1 };

static int
read_arguments(int argc, char **argv, struct error *error)
{
	uint64_t fd;
	if (argc < 4 || argc > 6 || !span_to_number(span_from(argv[1]), 1 << 20, &fd))
		return error_set(error, ERROR_USAGE,
			"master is started by `posthouse serve`");
	master.pattern = memory_copy_string(argv[2]);
	master.table = memory_copy_string(argv[3]);
	if (config_read((int)fd, &master.config, error) < 0)
		return -1;
	close((int)fd);
	return services_read(argv[3], master.config, &master.services, error);
}

/* What only tries goes no further than this. */
static int
take_over(const char *heritage, bool is_trial, struct error *error)
{
	uint64_t fd;
	if (!span_to_number(span_from(heritage), 1 << 20, &fd) ||
	    upgrade_take_over(&master, (int)fd, error) < 0 ||
	    files_open(&master, master.config, error) < 0)
		return -1;
	if (is_trial) {
		int result = listeners_open(&master.listeners,
			&master.services, master.config, error);
		listeners_undo(&master.listeners);
		if (result == 0)
			_exit(0);
		return -1;
	}
	if (files_open_log(&master, master.config, error) < 0)
		return -1;
	child_reap(&master);
	upgrade_begin(&master);
	return 0;
}

static int
begin(int argc, char **argv, struct error *error)
{
	memset(master.files, -1, sizeof(master.files));
	master.null = open("/dev/null", O_RDWR | O_CLOEXEC);
	umask(022);
	file_raise_limit();
	log_init("master", 2, -1);
	if (read_arguments(argc, argv, error) < 0 ||
	    (master.signals = signals_open(error)) < 0)
		return -1;
	if (argc > 4)
		return take_over(argv[4], argc > 5, error);
	if (child_prepare(&master, error) < 0 ||
	    service_files_open_runtime(master.config, &master.runtime_dir,
		&master.lock, error) < 0 ||
	    files_open_log(&master, master.config, error) < 0 ||
	    files_open(&master, master.config, error) < 0)
		return -1;
	master.listeners.directory = master.runtime_dir;
	if (listeners_open(&master.listeners, &master.services,
		master.config, error) < 0 ||
	    command_listen(&master, error) < 0)
		return -1;
	listeners_close_unwanted(&master.listeners);
	log_event(LOG_INFO, "start", NULL,
		LOG_NUMBER("processes", master.services.program_count));
	return child_start_all(&master, error);
}

static void
reopen_log(void)
{
	struct error error;
	if (files_open_log(&master, master.config, &error) < 0)
		log_event(LOG_ERROR, "log-not-opened", NULL,
			LOG_TEXT("reason", error.text));
	else
		child_reload_all(&master);
}

static void
read_signals(void)
{
	struct signalfd_siginfo signal_info;
	while (read(master.signals, &signal_info, sizeof(signal_info)) ==
	    sizeof(signal_info)) {
		switch (signal_info.ssi_signo) {
		case SIGCHLD:
			child_reap(&master);
			break;
		case SIGHUP:
			reopen_log();
			break;
		default:
			log_event(LOG_INFO, "stop", NULL,
				LOG_NUMBER("signal", signal_info.ssi_signo));
			child_stop_all(&master);
		}
	}
}

/* Once, when every process serves. */
static void
say_ready(void)
{
	for (size_t i = 0; i < master.child_count; i++)
		if (!master.children[i].is_ready &&
		    services_wants(master.children[i].program,
		    master.config))
			return;
	master.is_started = true;
	for (size_t i = 0; i < master.listeners.count; i++)
		if (master.listeners.listener[i].row->file[0] == '\0')
			printf("listen %s %s\n",
				master.listeners.listener[i].row->service,
				master.listeners.listener[i].address);
	printf("ready\n");
	fflush(stdout);
	notify_manager("READY=1");
	log_event(LOG_INFO, "ready", NULL);
}

enum { POLL_SIGNALS, POLL_COMMANDS, POLL_REST };

/* Waits for whatever comes first and serves it. */
static void
serve_once(int64_t until)
{
	static struct pollfd slots[POLL_REST + MASTER_COMMANDS +
		MASTER_CHILDREN];
	/* more may be started below */
	const size_t children = master.child_count;
	size_t count = POLL_REST;
	slots[POLL_SIGNALS] = (struct pollfd){ master.signals, POLLIN, 0 };
	slots[POLL_COMMANDS] = (struct pollfd){ master.command_listener,
		POLLIN, 0 };
	for (size_t i = 0; i < MASTER_COMMANDS; i++)
		slots[count++] = (struct pollfd){ master.commands[i], POLLIN, 0 };
	for (size_t i = 0; i < children; i++)
		slots[count++] = (struct pollfd){ master.children[i].control,
			POLLIN, 0 };
	if (poll(slots, count, until == INT64_MAX ? -1 :
	    clock_until(until) + 1) < 0)
		return;
	count = POLL_REST;
	for (size_t i = 0; i < MASTER_COMMANDS; i++)
		if (slots[count++].revents != 0)
			command_read(&master, i);
	for (size_t i = 0; i < children; i++)
		if (slots[count++].revents != 0)
			child_read(&master, &master.children[i]);
	if (slots[POLL_COMMANDS].revents != 0)
		command_accept(&master);
	if (slots[POLL_SIGNALS].revents != 0)
		read_signals();
	if (!master.is_started && master.stop_began == 0)
		say_ready();
}

int
main(int argc, char **argv)
{
	struct error error;
	if (begin(argc, argv, &error) < 0) {
		fprintf(stderr, "posthouse: %s\n", error.text);
		if (argc > 5)
			_exit(1);
		master.is_failed = true;
		child_stop_all(&master);
	}
	birth_title(argc, argv, "posthouse: master");
	while (master.stop_began == 0 || child_is_any_alive(&master))
		serve_once(child_tick(&master, clock_monotonic()));
	listeners_close_all(&master.listeners);
	if (master.command_listener >= 0)
		unlinkat(master.runtime_dir, "control", 0);
	return master.is_failed ? 1 : 0;
}
