/*
 * From inside its jail a process tries one forbidden act of each kind, when
 * master was started with POSTHOUSE_JAIL_SELFTEST, and logs whether it was
 * refused. Nothing here does harm when it is not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "serve/jail_parts.h"

struct attempt {
	const struct process *process;
	const struct jail *jail;
	const char *root;
};

static bool
is_open_refused(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);
	bool is_refused = fd < 0;
	file_close(&fd);
	return is_refused;
}

static bool
open_file(const struct attempt *attempt)
{
	(void)attempt;
	return is_open_refused("/etc/passwd", O_RDONLY) &&
		is_open_refused("/proc/1/status", O_RDONLY);
}

static bool
leave_root(const struct attempt *attempt)
{
	(void)attempt;
	return is_open_refused("../../../../../../../../etc/passwd", O_RDONLY);
}

static bool
create_file(const struct attempt *attempt)
{
	(void)attempt;
	char path[] = "/tmp/posthouse-selftest";
	bool is_refused = is_open_refused(path, O_WRONLY | O_CREAT);
	if (!is_refused)
		unlink(path);
	return is_refused;
}

/* The directories of the others; its own lies at or below the root. */
static bool
read_of_others(const struct attempt *attempt)
{
	static const char *const names[] = { "auth", "mail", "queue", "tls" };
	char path[4096];
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", config_text(
			attempt->process->config, "data_directory"), names[i]);
		if (span_starts(span_from(path), span_from(attempt->root)) ||
		    span_starts(span_from(attempt->root), span_from(path)))
			continue;
		if (!is_open_refused(path, O_RDONLY | O_DIRECTORY))
			return false;
	}
	return is_open_refused("/etc/shadow", O_RDONLY);
}

static bool
connect_out(const struct attempt *attempt)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons(9) };
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((attempt->jail->rights & JAIL_NETWORK) != 0)
		return true;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_refused = fd < 0 && errno == EPERM;
	file_close(&fd);
	/* whatever became of the socket, nothing connects */
	return connect(0, (struct sockaddr *)&address, sizeof(address)) < 0 &&
		errno == EPERM && is_refused;
}

static bool
connect_locally(const struct attempt *attempt)
{
	(void)attempt;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_refused = fd < 0;
	file_close(&fd);
	return is_refused;
}

/* "/" can never be executed: any answer but EPERM means one may try. */
static bool
execute(const struct attempt *attempt)
{
	char *const none[] = { NULL };
	(void)attempt;
	return execve("/", none, none) < 0 && errno == EPERM;
}

static bool
make_process(const struct attempt *attempt)
{
	(void)attempt;
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		_exit(0);
	return pid < 0;
}

static bool
trace(const struct attempt *attempt)
{
	(void)attempt;
	if (ptrace(PTRACE_SEIZE, getppid(), NULL, NULL) < 0)
		return errno == EPERM;
	ptrace(PTRACE_DETACH, getppid(), NULL, NULL);
	return false;
}

static bool
send_signal(const struct attempt *attempt)
{
	(void)attempt;
	return kill(getppid(), 0) < 0 && errno == EPERM;
}

static bool
change_user(const struct attempt *attempt)
{
	(void)attempt;
	return syscall(SYS_setresuid, geteuid(), geteuid(), geteuid()) < 0;
}

static bool
mount_something(const struct attempt *attempt)
{
	(void)attempt;
	return mount("none", "/", "tmpfs", MS_RDONLY, NULL) < 0 &&
		errno == EPERM;
}

static bool
make_code(const struct attempt *attempt)
{
	(void)attempt;
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return at == MAP_FAILED || munmap(at, 4096) != 0;
}

static const struct {
	const char *name;
	bool (*is_refused)(const struct attempt *attempt);
} acts[] = {
	{ "open-file", open_file },
	{ "leave-root", leave_root },
	{ "create-file", create_file },
	{ "read-of-others", read_of_others },
	{ "connect-out", connect_out },
	{ "connect-locally", connect_locally },
	{ "execute", execute },
	{ "make-process", make_process },
	{ "trace", trace },
	{ "send-signal", send_signal },
	{ "change-user", change_user },
	{ "mount", mount_something },
	{ "make-code", make_code },
};

void
jail_selftest(const struct process *process, const struct jail *jail,
	const char *root)
{
	const struct attempt attempt = { process, jail, root };
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		bool is_refused = acts[i].is_refused(&attempt);
		log_event(is_refused ? LOG_INFO : LOG_ERROR, "jail-selftest",
			NULL, LOG_TEXT("act", acts[i].name),
			LOG_TEXT("refused", is_refused ? "yes" : "no"));
	}
}
