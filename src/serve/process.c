/*
 * How a process begins: it finds its configuration, log, counters and control
 * socket on the descriptors it was born with (process.h lists them).
 */
#include "serve/process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/birth.h"
#include "base/file.h"
#include "base/log.h"
#include "serve/counter.h"
#include "serve/legacy.h"
#include "serve/process_inside.h"
#include "serve/supervisor.h"

enum {
	LOG_FD = 2, CONTROL_FD = 3, CONFIG_FD = 4, COUNTER_FD = 5,
	GENERATIONS_FD = 6, LOG_COPY_FD = 7,
	FILES_LIMIT = 16,
	EARLY_LIMIT = 300,		/* messages: all listeners */
};

static struct process process;

/* Files by parameter; changed by the housekeeping only. */
static struct {
	char parameter[CONTROL_NAME_SIZE];
	unsigned place;
	int fd;
} files[FILES_LIMIT];

static void
fail(const char *what, const char *reason)
{
	log_event(LOG_ERROR, "cannot-start", NULL, LOG_TEXT("what", what),
		LOG_TEXT("reason", reason));
	exit(1);
}

void
process_take_file(const char *parameter, unsigned place, int *fd)
{
	for (size_t i = 0; i < FILES_LIMIT; i++) {
		if (files[i].parameter[0] != '\0' && (files[i].place != place ||
		    strcmp(files[i].parameter, parameter) != 0))
			continue;
		/* The number stays: state files are written through it for as
		 * long as the process lives. */
		if (files[i].parameter[0] != '\0' && files[i].fd >= 0 &&
		    *fd >= 0 && dup3(*fd, files[i].fd, O_CLOEXEC) >= 0) {
			file_close(fd);
			return;
		}
		if (files[i].parameter[0] != '\0')
			file_close(&files[i].fd);
		snprintf(files[i].parameter, sizeof(files[i].parameter), "%s",
			parameter);
		files[i].place = place;
		files[i].fd = *fd;
		*fd = -1;
		return;
	}
	log_event(LOG_ERROR, "too-many-files", NULL,
		LOG_TEXT("parameter", parameter));
}

int
process_file_at(const char *parameter, unsigned place)
{
	for (size_t i = 0; i < FILES_LIMIT; i++)
		if (files[i].place == place &&
		    strcmp(files[i].parameter, parameter) == 0)
			return files[i].fd;
	return -1;
}

int
process_file(const char *parameter)
{
	return process_file_at(parameter, 0);
}

int
process_open_spill(char *path, size_t size, struct error *error)
{
	int length = snprintf(path, size, "%s/spill/%s",
		config_text(process.config, "data_directory"), process.name);
	if (length < 0 || (size_t)length >= size)
		return error_set(error, ERROR_USAGE,
			"data_directory: the path is too long");
	int fd = open(path, O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? error_set_errno(error, "opening %s", path) : fd;
}

const struct process *
process_get(void)
{
	return &process;
}

/* The numbers stay the same, so nobody who is logging just now is disturbed. */
void
process_redirect_log(int fd, int copy_fd)
{
	bool is_done = fd < 0 || (dup2(fd, 1) == 1 && dup2(fd, 2) == 2);
	if (copy_fd >= 0)
		is_done = dup3(copy_fd, LOG_COPY_FD, O_CLOEXEC) >= 0 && is_done;
	if (!is_done)
		log_event(LOG_ERROR, "log-not-changed", NULL,
			LOG_NUMBER("errno", errno));
}

void
process_say_ready(void)
{
	struct control_message message = { .version = CONTROL_VERSION,
		.kind = CONTROL_READY };
	struct error error;
	if (supervisor_fd() >= 0 && supervisor_send(&message, &error) < 0)
		log_event(LOG_ERROR, "not-ready", NULL,
			LOG_TEXT("reason", error.text));
}

/* "smtpd" or "mailbox 1", as argv[0] and argv[1]. */
static void
read_arguments(int argc, char **argv)
{
	uint64_t instance = 0;
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	process.name = slash != NULL ? slash + 1 : argc > 0 ? argv[0] : "?";
	log_init(process.name, LOG_FD, LOG_COPY_FD);
	if (argc > 1 && !span_to_number(span_from(argv[1]), UINT32_MAX,
	    &instance))
		fail("reading the arguments", "the instance is not a number");
	process.instance = (unsigned)instance;
	if (fcntl(CONTROL_FD, F_GETFD) < 0 || fcntl(CONFIG_FD, F_GETFD) < 0) {
		static const char text[] =
			"this program is started by posthouse serve\n";
		ssize_t ignored = write(2, text, sizeof(text) - 1);
		(void)ignored;
		exit(64);
	}
}

/* "posthouse-smtpd:105:110", from master. */
static void
read_identity(void)
{
	struct span rest = span_from(getenv("POSTHOUSE_IDENTITY"));
	struct span name, uid, gid;
	uint64_t number;
	process.is_root = geteuid() == 0;
	process.uid = geteuid();
	process.gid = getegid();
	if (!span_split(&rest, ':', &name) || !span_split(&rest, ':', &uid) ||
	    !span_split(&rest, ':', &gid) || name.size >= sizeof(process.user))
		fail("reading POSTHOUSE_IDENTITY", "it must be name:uid:gid");
	memcpy(process.user, name.data, name.size);
	/* What stays root is so by name in etc/services, and no jail takes it. */
	if (!process.is_root || span_equals(name, SPAN("root")))
		return;
	if (!span_to_number(uid, UINT32_MAX - 1, &number) || number == 0)
		fail("reading POSTHOUSE_IDENTITY", "the uid is no user's");
	process.uid = (uint32_t)number;
	if (!span_to_number(gid, UINT32_MAX - 1, &number) || number == 0)
		fail("reading POSTHOUSE_IDENTITY", "the gid is no group's");
	process.gid = (uint32_t)number;
}

/* Of a process on demand, from master as well. */
static void
read_owner(void)
{
	process.owner = getenv("POSTHOUSE_OWNER");
	process.home = getenv("HOME");
	if (process.owner != NULL && process.home == NULL)
		fail("reading POSTHOUSE_OWNER", "there is no HOME");
}

/* At an upgrade: until the process has ended whose place this one takes. */
static void
wait_for_predecessor(void)
{
	struct pollfd slot = { .fd = supervisor_fd(), .events = POLLIN };
	struct control_message message;
	int fds[SUPERVISOR_FDS];
	process_say_ready();
	while (poll(&slot, 1, -1) >= 0 || errno == EINTR) {
		enum supervisor_result result =
			supervisor_receive(&message, fds);
		if (result == SUPERVISOR_NOTHING)
			continue;
		if (result == SUPERVISOR_GONE)
			fail("waiting for the predecessor",
				"the supervisor is gone");
		if (message.kind == CONTROL_GO && fds[0] >= 0)
			legacy_receive_all(&fds[0]);
		for (size_t i = 0; i < SUPERVISOR_FDS; i++)
			file_close(&fds[i]);
		if (message.kind == CONTROL_GO)
			return;
	}
}

/* What master put into the control socket before this process began. */
static void
read_files(void)
{
	struct control_message message;
	int fds[SUPERVISOR_FDS];
	bool is_waiting = false;
	struct {
		struct control_message message;
		int fds[SUPERVISOR_FDS];
	} others[EARLY_LIMIT];
	size_t count = 0;
	enum supervisor_result result;
	while ((result = supervisor_receive(&message, fds)) ==
	    SUPERVISOR_MESSAGE) {
		if (message.kind == CONTROL_FILE) {
			process_take_file(message.service, message.instance,
				&fds[0]);
			continue;
		}
		is_waiting = is_waiting || message.kind == CONTROL_WAIT;
		if (message.kind == CONTROL_WAIT)
			continue;
		if (count == sizeof(others) / sizeof(others[0]))
			fail("reading the control socket", "too many messages");
		others[count].message = message;
		memcpy(others[count++].fds, fds, sizeof(fds));
	}
	if (result == SUPERVISOR_GONE)
		fail("reading the control socket", "the supervisor is gone");
	if (is_waiting)
		wait_for_predecessor();
	for (size_t i = 0; i < count; i++)
		supervisor_keep(&others[i].message, others[i].fds);
}

static void
set_log_level(void)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	const char *wanted = config_text(process.config, "log_level");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(wanted, names[i]) == 0)
			log_set_level((enum log_level)i);
}

static void
set_limits(void)
{
	signal(SIGPIPE, SIG_IGN);
	file_raise_limit();
	/* one heap for each of many threads would be mostly empty */
	mallopt(M_ARENA_MAX, 4);
}

struct process *
process_start(int argc, char **argv)
{
	struct error error;
	read_arguments(argc, argv);
	read_identity();
	read_owner();
	set_limits();
	for (int fd = CONTROL_FD; fd <= LOG_COPY_FD; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	supervisor_open(CONTROL_FD);
	if (config_read(CONFIG_FD, &process.config, &error) < 0)
		fail("reading the configuration", error.text);
	counter_open(COUNTER_FD, GENERATIONS_FD,
		birth_may_raise(process.name));
	set_log_level();
	log_set_room(counter_log_room());
	atexit(log_flush);
	read_files();
	return &process;
}
