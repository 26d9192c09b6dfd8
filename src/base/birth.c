/* Between fork and exec; see birth.h. Runs in the child only. */
#include "base/birth.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

enum { HIGH_FD = 64 };		/* above those of birth */

bool
birth_path(const char *pattern, const char *name, char *path, size_t size)
{
	size_t length = strlen(name), used = 0;
	for (const char *c = pattern; *c != '\0'; c++) {
		bool is_name = c[0] == '%' && c[1] == 's';
		if (used + (is_name ? length : 1) >= size)
			return false;
		if (is_name)
			memcpy(path + used, name, length), c++;
		else
			path[used] = *c;
		used += is_name ? length : 1;
	}
	path[used] = '\0';
	return true;
}

bool
birth_may_raise(const char *program)
{
	return strcmp(program, "auth") == 0 ||
		strcmp(program, "hostmaster") == 0;
}

void
birth_environment(void)
{
	static const char *const passed_on[] = { "POSTHOUSE_SYNC_DELAY",
		"POSTHOUSE_LANDLOCK_ABI", "POSTHOUSE_JAIL_SELFTEST",
		"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS" };
	enum { COUNT = sizeof(passed_on) / sizeof(passed_on[0]) };
	const char *values[COUNT];
	for (size_t i = 0; i < COUNT; i++)
		values[i] = getenv(passed_on[i]);
	clearenv();
	for (size_t i = 0; i < COUNT; i++)
		if (values[i] != NULL)
			setenv(passed_on[i], values[i], 1);
}

int
birth_descriptors(const int *wanted, size_t count)
{
	int high[BIRTH_DESCRIPTORS_LIMIT];
	assert(count <= BIRTH_DESCRIPTORS_LIMIT);
	for (size_t i = 0; i < count; i++) {
		high[i] = fcntl(wanted[i], F_DUPFD_CLOEXEC, HIGH_FD);
		if (high[i] < 0)
			return -1;
	}
	for (size_t i = 0; i < count; i++)
		if (dup2(high[i], (int)i) < 0)
			return -1;
	return close_range((unsigned)count, ~0U, 0);
}

void
birth_wait_for(pid_t before, int wait)
{
	int fd = (int)syscall(SYS_pidfd_open, before, 0);
	struct pollfd slot = { fd, POLLIN, 0 };
	if (fd >= 0)
		poll(&slot, 1, wait);
	file_close(&fd);
}

/* The kernel lays the arguments one behind the other (proc(5), cmdline). */
void
birth_title(int argc, char **argv, const char *title)
{
	char *end = argv[0];
	for (int i = 0; i < argc && argv[i] == end; i++)
		end += strlen(end) + 1;
	size_t room = (size_t)(end - argv[0]);
	memset(argv[0], 0, room);
	if (room > 0)
		snprintf(argv[0], room, "%s", title);
}

void
birth_execute(const struct birth *birth)
{
	char path[4096], number[16], identity[OWNER_NAME_SIZE + 40];
	const struct owner *owner = birth->owner;
	snprintf(number, sizeof(number), "%u", birth->instance);
	snprintf(identity, sizeof(identity), "%s:%u:%u", owner->user,
		owner->uid, owner->gid);
	birth_environment();
	setenv("POSTHOUSE_IDENTITY", identity, 1);
	if (birth->is_owned) {
		setenv("POSTHOUSE_OWNER", owner->name, 1);
		setenv("HOME", owner->home, 1);
	}
	char *const arguments[] = { (char *)(uintptr_t)birth->name,
		birth->has_instance ? number : NULL, NULL };
	if (birth_path(birth->pattern, birth->executable, path, sizeof(path)))
		execv(path, arguments);
	log_event(LOG_ERROR, "cannot-execute", NULL, LOG_TEXT("path", path),
		LOG_NUMBER("errno", errno));
}

static void
run_trial(const char *path, char *const arguments[], int words,
	unsigned seconds)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	alarm(seconds);		/* outlives exec */
	if (dup2(words, 2) == 2)
		execv(path, arguments);
	dprintf(2, "executing %s: %s\n", path, strerror(errno));
	_exit(127);
}

int
birth_try(const char *path, char *const arguments[], unsigned seconds,
	struct error *error)
{
	char text[2000];
	int pair[2], status = -1;
	size_t size = 0;
	ssize_t n;
	if (pipe2(pair, O_CLOEXEC) < 0)
		return error_set_errno(error, "making a pipe");
	pid_t pid = fork();
	if (pid == 0)
		run_trial(path, arguments, pair[1], seconds);
	file_close(&pair[1]);
	while (pid > 0 && size < sizeof(text) - 1 && (n = read(pair[0],
	    text + size, sizeof(text) - 1 - size)) > 0)
		size += (size_t)n;
	file_close(&pair[0]);
	text[size] = '\0';
	while (size > 0 && text[size - 1] == '\n')
		text[--size] = '\0';
	/* the last line; before it may be what it logged */
	const char *line = strrchr(text, '\n');
	line = line == NULL ? text : line + 1;
	if (strncmp(line, "posthouse: ", 11) == 0)
		line += 11;
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return error_set_errno(error, "starting %s", path);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return error_set(error, ERROR_USAGE, "%s", line[0] != '\0' ? line :
		"the new master ended without a word");
}
