/*
 * Giving up every right a process does not need, once, before it serves. As
 * root: chroot, uid and gid, capabilities, no_new_privs, Landlock, seccomp.
 * As an ordinary user: what needs no privilege of that (Landlock, seccomp,
 * no_new_privs, rlimits). PR_SET_DUMPABLE 0 and RLIMIT_CORE 0 always.
 *
 * Landlock is used for files, seccomp for the network and everything else.
 * Which rules the running kernel lacks is logged once by each process.
 */
#ifndef SERVE_JAIL_H
#define SERVE_JAIL_H

#include <stdbool.h>

#include "base/error.h"
#include "serve/process.h"

enum jail_right {
	JAIL_ACCEPT = 1 << 0,		/* accept4 on descriptors it already has */
	JAIL_SOCKETPAIR = 1 << 1,	/* AF_UNIX pairs */
	JAIL_FILES_READ = 1 << 2,	/* open existing files below .root/.paths */
	JAIL_FILES_WRITE = 1 << 3,	/* create, rename, unlink, truncate there */
	JAIL_SPILL = 1 << 4,		/* O_TMPFILE in the chroot only */
	JAIL_NETWORK = 1 << 5,		/* socket and connect of AF_INET, AF_INET6 */
	JAIL_THREADS = 1 << 6,		/* clone of threads (never processes) */
	JAIL_GIVE_FILES = 1 << 7,	/* CAP_CHOWN stays; and to ask whether a
					 * process is there (kill with 0) */
};

struct jail {
	const char *root;		/* chroot here (NULL: an empty directory) */
	unsigned rights;		/* enum jail_right */
	const char *const *paths;	/* Landlock: what may be used below root;
					 * NULL-terminated, NULL: root itself */
	/* Instead of both: whoever has left root already (jail_leave_root) is
	 * held by Landlock alone. Absolute paths; ends with a NULL path; what is
	 * not there is passed over. */
	const struct jail_place *places;
};

struct jail_place {
	const char *path;
	bool is_whole;			/* all that .rights says; else files that
					 * are there are read and written only */
};

/*
 * For a process that is a system user's: becomes that user, so that paths of
 * his are opened with his rights. Then jail_enter, with .places. Not started by
 * root: nothing.
 */
int
jail_leave_root(struct process *process, struct error *error);

/*
 * Nothing outside the jail can be reached after it returns 0. -1 means the
 * process must end: it never serves with less jail than it asked for, but for
 * what the kernel does not have.
 */
int
jail_enter(const struct process *process, const struct jail *jail,
	struct error *error);

/*
 * For programs that run others on behalf of a user (pipe): gives up root, all
 * capabilities and new privileges for good, and leaves the machine as it is.
 */
int
jail_become(const struct process *process, struct error *error);

#endif
