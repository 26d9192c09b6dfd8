/*
 * Entering the jail: the order of the steps, and the giving up of user, groups
 * and capabilities. Each step is needed by none of those after it.
 */
#include "serve/jail.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "serve/jail_parts.h"

enum { CAPABILITIES_LIMIT = 64 };

/* A thread that runs already would stay outside. */
static int
check_single_thread(struct error *error)
{
	struct stat status;
	if (stat("/proc/self/task", &status) < 0 || status.st_nlink <= 3)
		return 0;
	return error_set(error, ERROR_USAGE,
		"threads were started before the jail was entered");
}

static int
forbid_core(struct error *error)
{
	const struct rlimit none = { 0, 0 };
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return error_set_errno(error, "forbidding core files");
	return 0;
}

/* What could still be gained by executing something. Needs root. */
static int
drop_bounding_set(struct error *error)
{
	for (unsigned long i = 0; i < CAPABILITIES_LIMIT; i++)
		if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0) {
			/* beyond the last one that the kernel knows */
			if (errno == EINVAL && i > 0)
				break;
			return error_set_errno(error, "dropping capabilities");
		}
	return 0;
}

/* All but those of `kept` (bits). */
static int
drop_capabilities(uint32_t kept, struct error *error)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct left[2] = {
		{ .effective = kept, .permitted = kept }, { 0 } };
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    syscall(SYS_capset, &header, left) < 0)
		return error_set_errno(error, "dropping capabilities");
	return 0;
}

static int
become_user(const struct process *process, struct error *error)
{
	uid_t uid = process->uid;
	gid_t gid = process->gid;
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		return error_set_errno(error, "becoming user %s", process->user);
	if (getuid() != uid || geteuid() != uid || getgid() != gid ||
	    getegid() != gid || setuid(0) == 0)
		return error_set(error, ERROR_REFUSED,
			"user %s could become root again", process->user);
	return 0;
}

static int
give_up_root(const struct process *process, const struct jail *jail,
	const char *root, struct error *error)
{
	const uint32_t kept = (jail->rights & JAIL_GIVE_FILES) != 0 ?
		1u << CAP_CHOWN : 0;
	if (jail_root_enter(root, error) < 0 || drop_bounding_set(error) < 0)
		return -1;
	/* otherwise the change of the user drops all */
	if (kept != 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return error_set_errno(error, "keeping capabilities");
	if (become_user(process, error) < 0)
		return -1;
	return drop_capabilities(kept, error);
}

int
jail_enter(const struct process *process, const struct jail *jail,
	struct error *error)
{
	char empty[4096];
	const char *root = jail->root;
	int ruleset = -1;
	if (root == NULL) {
		int size = snprintf(empty, sizeof(empty), "%s/empty",
			config_text(process->config, "data_directory"));
		if (size < 0 || (size_t)size >= sizeof(empty))
			return error_set(error, ERROR_USAGE,
				"data_directory: the path is too long");
		root = empty;
	}
	if (check_single_thread(error) < 0 || forbid_core(error) < 0 ||
	    jail_files_prepare(jail, root, &ruleset, error) < 0)
		return -1;
	int result = process->is_root ? give_up_root(process, jail, root, error) :
		0;
	if (result == 0)
		result = jail_root_hide(error);
	if (result == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		result = error_set_errno(error, "setting no_new_privs");
	if (result == 0)
		result = jail_files_enter(&ruleset, error);
	file_close(&ruleset);
	if (result == 0)
		result = jail_calls_enter(jail, error);
	if (result == 0 && getenv("POSTHOUSE_JAIL_SELFTEST") != NULL)
		jail_selftest(process, jail, root);
	return result;
}

int
jail_become(const struct process *process, struct error *error)
{
	if (check_single_thread(error) < 0 || forbid_core(error) < 0)
		return -1;
	if (process->is_root && (drop_bounding_set(error) < 0 ||
		become_user(process, error) < 0 ||
		drop_capabilities(0, error) < 0))
		return -1;
	if (jail_root_hide(error) < 0)
		return -1;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 :
		error_set_errno(error, "setting no_new_privs");
}

int
jail_leave_root(struct process *process, struct error *error)
{
	if (process->is_root && jail_become(process, error) < 0)
		return -1;
	process->is_root = false;
	return 0;
}
