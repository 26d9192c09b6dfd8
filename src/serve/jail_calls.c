/*
 * System calls: seccomp. What is not in a table below fails with EPERM. Nothing
 * is killed: a denial is an errno that shows up in the log of whoever met it.
 * In particular there is no socket, connect, exec, fork, ptrace or kill in any
 * jail that does not ask for it, which is how the network is closed (Landlock
 * knows nothing of it on older kernels).
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve/jail_parts.h"

#define CALL(name) SCMP_SYS(name)

/* Everybody: descriptors it has, memory, time, waiting. Ends with -1. */
static const int calls_of_all[] = {
	CALL(read), CALL(write), CALL(readv), CALL(writev), CALL(pread64),
	CALL(pwrite64), CALL(preadv), CALL(pwritev), CALL(preadv2),
	CALL(pwritev2), CALL(lseek), CALL(close), CALL(close_range), CALL(dup),
	CALL(dup2), CALL(dup3), CALL(pipe2), CALL(fcntl), CALL(flock),
	CALL(fstat), CALL(newfstatat), CALL(statx), CALL(fsync),
	CALL(fdatasync), CALL(sync_file_range), CALL(ftruncate),
	CALL(fallocate), CALL(fadvise64), CALL(readahead), CALL(sendfile),
	CALL(splice), CALL(tee), CALL(copy_file_range), CALL(memfd_create),
	CALL(munmap), CALL(mremap), CALL(msync), CALL(madvise), CALL(mincore),
	CALL(mlock), CALL(munlock), CALL(brk), CALL(membarrier),
	CALL(futex), CALL(sched_yield), CALL(sched_getaffinity),
	CALL(sched_getparam), CALL(sched_getscheduler),
	CALL(set_robust_list), CALL(get_robust_list), CALL(rseq),
	CALL(set_tid_address), CALL(getcpu), CALL(sysinfo), CALL(uname),
	CALL(getrusage), CALL(times),
	CALL(clock_gettime), CALL(clock_getres), CALL(clock_nanosleep),
	CALL(nanosleep), CALL(gettimeofday), CALL(time), CALL(getrandom),
	CALL(poll), CALL(ppoll), CALL(select), CALL(pselect6),
	CALL(epoll_create1), CALL(epoll_ctl), CALL(epoll_wait),
	CALL(epoll_pwait), CALL(epoll_pwait2), CALL(eventfd2),
	CALL(timerfd_create), CALL(timerfd_settime), CALL(timerfd_gettime),
	CALL(recvmsg), CALL(recvfrom), CALL(recvmmsg), CALL(sendmsg),
	CALL(sendto), CALL(sendmmsg), CALL(shutdown), CALL(getsockopt),
	CALL(setsockopt), CALL(getsockname), CALL(getpeername),
	CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigreturn),
	CALL(rt_sigpending), CALL(rt_sigtimedwait), CALL(rt_sigsuspend),
	CALL(sigaltstack), CALL(restart_syscall),
	CALL(getpid), CALL(gettid), CALL(getppid), CALL(getuid), CALL(geteuid),
	CALL(getgid), CALL(getegid), CALL(getresuid), CALL(getresgid),
	CALL(getgroups), CALL(getcwd), CALL(exit), CALL(exit_group), -1
};

static const int calls_to_read_files[] = {
	CALL(open), CALL(openat), CALL(stat), CALL(lstat), CALL(access),
	CALL(faccessat), CALL(faccessat2), CALL(readlink), CALL(readlinkat),
	CALL(getdents64), CALL(statfs), CALL(fstatfs), CALL(umask),
	CALL(inotify_init1), CALL(inotify_add_watch), CALL(inotify_rm_watch), -1
};

static const int calls_to_write_files[] = {
	CALL(mkdir), CALL(mkdirat), CALL(rmdir), CALL(unlink), CALL(unlinkat),
	CALL(rename), CALL(renameat), CALL(renameat2), CALL(link), CALL(linkat),
	CALL(truncate), CALL(fchmod), CALL(utimensat), CALL(syncfs), -1
};

static const int calls_of_clients[] = {
	CALL(connect), CALL(bind), -1
};

static int
allow_calls(scmp_filter_ctx filter, const int *calls)
{
	for (; *calls != -1; calls++) {
		int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, *calls, 0);
		/* an architecture may lack an old one */
		if (result < 0 && result != -EDOM)
			return result;
	}
	return 0;
}

/* Calls of which only one way of use is allowed. */
static int
allow_some_uses(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp own_pid = SCMP_A0_64(SCMP_CMP_EQ,
		(scmp_datum_t)getpid());
	const struct scmp_arg_cmp not_executable = SCMP_A2_64(
		SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp only_asks = SCMP_A2_64(SCMP_CMP_EQ, 0);
	const struct scmp_arg_cmp name = SCMP_A0_64(SCMP_CMP_EQ, PR_SET_NAME);
	const struct scmp_arg_cmp vma = SCMP_A0_64(SCMP_CMP_EQ, 0x53564d41);
	const struct scmp_arg_cmp bytes = SCMP_A1_64(SCMP_CMP_EQ, 0x541b);
	int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(mmap), 1,
		not_executable);
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW,
			CALL(mprotect), 1, not_executable);
	/* abort() signals itself */
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(tgkill),
			1, own_pid);
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW,
			CALL(prlimit64), 1, only_asks);
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(prctl), 1,
			name);
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(prctl), 1,
			vma);
	/* FIONREAD */
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(ioctl), 1,
			bytes);
	return result;
}

/* Threads, never processes. The C library falls back from clone3, whose
 * arguments cannot be looked at. */
static int
allow_threads(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp is_thread = SCMP_A0_64(SCMP_CMP_MASKED_EQ,
		CLONE_THREAD, CLONE_THREAD);
	int result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
		CALL(clone3), 0);
	if (result == 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(clone), 1,
			is_thread);
	return result;
}

static int
allow_family(scmp_filter_ctx filter, int call, int family)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
		SCMP_A0_64(SCMP_CMP_EQ, (scmp_datum_t)family));
}

/* An unlinked file in a directory that is open already. */
static int
allow_spill(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(openat), 1,
		SCMP_A2_64(SCMP_CMP_MASKED_EQ, O_TMPFILE, O_TMPFILE));
}

/* To own files to others, and to look for a process (no signal is sent). */
static int
allow_giving(scmp_filter_ctx filter)
{
	int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(fchown), 0);
	return result < 0 ? result : seccomp_rule_add(filter, SCMP_ACT_ALLOW,
		CALL(kill), 1, SCMP_A1_64(SCMP_CMP_EQ, 0));
}

static int
allow_rights(scmp_filter_ctx filter, unsigned rights)
{
	const unsigned files = JAIL_FILES_READ | JAIL_FILES_WRITE;
	int result = 0;
	if ((rights & JAIL_ACCEPT) != 0)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(accept4),
			0);
	if (result == 0 && (rights & JAIL_SOCKETPAIR) != 0)
		result = allow_family(filter, CALL(socketpair), AF_UNIX);
	if (result == 0 && (rights & files) != 0)
		result = allow_calls(filter, calls_to_read_files);
	if (result == 0 && (rights & JAIL_FILES_WRITE) != 0)
		result = allow_calls(filter, calls_to_write_files);
	if (result == 0 && (rights & JAIL_SPILL) != 0 && (rights & files) == 0)
		result = allow_spill(filter);
	if (result == 0 && (rights & JAIL_THREADS) != 0)
		result = allow_threads(filter);
	if (result == 0 && (rights & JAIL_GIVE_FILES) != 0)
		result = allow_giving(filter);
	if (result < 0 || (rights & JAIL_NETWORK) == 0)
		return result;
	result = allow_calls(filter, calls_of_clients);
	if (result == 0)
		result = allow_family(filter, CALL(socket), AF_INET);
	if (result == 0)
		result = allow_family(filter, CALL(socket), AF_INET6);
	return result;
}

int
jail_calls_enter(const struct jail *jail, struct error *error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (filter == NULL)
		return error_set(error, ERROR_SYSTEM,
			"jail: making a seccomp filter");
	/* a tree of comparisons instead of a chain */
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	int result = allow_calls(filter, calls_of_all);
	if (result == 0)
		result = allow_some_uses(filter);
	if (result == 0)
		result = allow_rights(filter, jail->rights);
	if (result == 0)
		result = seccomp_load(filter);
	seccomp_release(filter);
	if (result == 0)
		return 0;
	errno = -result;
	return error_set_errno(error, "jail: loading the seccomp filter");
}
