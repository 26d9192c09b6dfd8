/* See run.h. */
#include "pipe/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

enum {
	DESCRIPTORS = 1024,		/* that a program may have open */
	DRAIN = 4096,
};

/* ---- the child: between fork and exec only what is safe there ---- */

static void
limit(__rlimit_resource_t what, rlim_t most)
{
	const struct rlimit value = { most, most };
	setrlimit(what, &value);
}

static void
reset_signals(void)
{
	sigset_t none;
	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Writes errno to `trouble` when it cannot become the program. */
static void
become(const struct run *run, int out, int trouble, int64_t seconds)
{
	setpgid(0, 0);
	reset_signals();
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, DESCRIPTORS);
	limit(RLIMIT_CPU, (rlim_t)seconds);
	if (chdir(run->directory) < 0 && chdir("/") < 0)
		goto out;
	if (dup2(run->input, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 ||
		dup3(trouble, 3, O_CLOEXEC) < 0)
		goto out;
	trouble = 3;
	syscall(SYS_close_range, 4U, ~0U, 0U);
	umask(077);
	execve(run->argv[0], run->argv, run->environment);
out:;
	int number = errno;
	ssize_t ignored = write(trouble, &number, sizeof(number));
	(void)ignored;
	_exit(127);
}

/* ---- this process ---- */

/* Keeps the beginning of what it says and throws the rest away. 0: the end. */
static ssize_t
take_output(const struct run *run, int fd)
{
	char bytes[DRAIN];
	ssize_t n = read(fd, bytes, sizeof(bytes));
	size_t room = run->output->limit - run->output->size;
	if (n > 0)
		buffer_add(run->output, span_first(span_of(bytes, (size_t)n),
			room));
	return n < 0 && (errno == EINTR || errno == EAGAIN) ? 1 : n;
}

/* Until it has ended (true) or the deadline is there. */
static bool
wait_for_end(const struct run *run, int process, int out)
{
	struct pollfd wait[] = { { process, POLLIN, 0 }, { out, POLLIN, 0 } };
	for (;;) {
		int left = clock_until(run->deadline);
		int n = poll(wait, 2, left);
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0 && wait[1].revents != 0 &&
			take_output(run, out) <= 0)
			wait[1].fd = -1;
		if (n > 0 && wait[0].revents != 0)
			return true;
		if (clock_monotonic() >= run->deadline)
			return false;
	}
}

/* What it said last is still there when it has ended. */
static void
drain(const struct run *run, int out)
{
	struct pollfd wait = { out, POLLIN, 0 };
	for (int i = 0; i < 16 && poll(&wait, 1, 0) > 0; i++)
		if (take_output(run, out) <= 0)
			return;
}

static enum run_end
judge(int status, bool is_over, int *number)
{
	if (!is_over)
		return RUN_TOO_LONG;
	*number = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
	return WIFEXITED(status) ? RUN_EXITED : RUN_KILLED;
}

static enum run_end
watch(const struct run *run, pid_t child, int out, int trouble, int *number)
{
	int status = 0;
	int process = (int)syscall(SYS_pidfd_open, child, 0);
	bool is_over = process >= 0 && wait_for_end(run, process, out);
	/* It and what it left behind: the number of the group is still taken,
	 * for the child has not been waited for. */
	kill(-child, SIGKILL);
	kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	drain(run, out);
	file_close(&process);
	if (read(trouble, number, sizeof(*number)) == sizeof(*number))
		return RUN_NOT_STARTED;
	return judge(status, is_over, number);
}

/* Both ends are closed at exec; the other processes of ours get none. */
static int
make_pipes(int out[2], int trouble[2], struct error *error)
{
	if (pipe2(out, O_CLOEXEC) < 0)
		return error_set_errno(error, "making a pipe");
	if (pipe2(trouble, O_CLOEXEC | O_NONBLOCK) == 0)
		return 0;
	error_set_errno(error, "making a pipe");
	file_close(&out[0]);
	file_close(&out[1]);
	return -1;
}

enum run_end
run_program(const struct run *run, int *number, struct error *error)
{
	int out[2], trouble[2];
	int64_t seconds = (run->deadline - clock_monotonic()) / 1000 + 1;
	*number = 0;
	if (make_pipes(out, trouble, error) < 0)
		return RUN_NOT_STARTED;
	lseek(run->input, 0, SEEK_SET);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	pid_t child = fork();
	if (child == 0)
		become(run, out[1], trouble[1], seconds);
	file_close(&out[1]);
	file_close(&trouble[1]);
	enum run_end end = RUN_NOT_STARTED;
	if (child < 0)
		error_set_errno(error, "forking");
	else
		end = watch(run, child, out[0], trouble[0], number);
	if (child > 0 && end == RUN_NOT_STARTED) {
		errno = *number;
		error_set_errno(error, "starting %s", run->argv[0]);
	}
	file_close(&out[0]);
	file_close(&trouble[0]);
	return end;
}
