/* See confine.h. A list of what is forbidden, since the rest is not ours to
 * know. */
#include "pam/confine.h"

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define CALL(name) SCMP_SYS(name)

static const int forbidden[] = {
	CALL(ptrace), CALL(process_vm_readv), CALL(process_vm_writev),
	CALL(init_module), CALL(finit_module), CALL(delete_module),
	CALL(kexec_load), CALL(kexec_file_load), CALL(reboot),
	CALL(mount), CALL(umount2), CALL(pivot_root), CALL(move_mount),
	CALL(open_tree), CALL(fsopen), CALL(fsmount), CALL(fspick),
	CALL(swapon), CALL(swapoff), CALL(acct), CALL(quotactl),
	CALL(bpf), CALL(perf_event_open), CALL(userfaultfd),
	CALL(iopl), CALL(ioperm), CALL(open_by_handle_at),
	CALL(settimeofday), CALL(clock_settime), CALL(clock_adjtime),
	CALL(adjtimex), CALL(sethostname), CALL(setdomainname), CALL(syslog),
	CALL(setns), CALL(io_uring_setup), CALL(personality),
};

static int
forbid_calls(bool may_unshare)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int result = filter == NULL ? -ENOMEM : 0;
	for (size_t i = 0; result == 0 &&
		i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM),
			forbidden[i], 0);
	if (result == 0 && !may_unshare)
		result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM),
			CALL(unshare), 0);
	if (result == 0)
		result = seccomp_load(filter);
	seccomp_release(filter);
	return result;
}

int
confine_enter(bool may_unshare, struct error *error)
{
	const struct rlimit none = { 0, 0 };
	/* Nobody reads a password in what a crash leaves behind. */
	if (setrlimit(RLIMIT_CORE, &none) < 0 ||
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_set_errno(error, "forbidding core files");
	int result = forbid_calls(may_unshare);
	errno = -result;
	return result == 0 ? 0 : error_set_errno(error,
		"forbidding system calls");
}
