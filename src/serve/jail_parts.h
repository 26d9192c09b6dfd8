/*
 * Inside the library: the parts of a jail. jail.c puts them together; files and
 * system calls have a second implementation that does nothing (jail_off.c), for
 * sanitised builds, whose run-time needs what a jail takes away.
 */
#ifndef SERVE_JAIL_PARTS_H
#define SERVE_JAIL_PARTS_H

#include "serve/jail.h"

/* jail_files.c: Landlock. The ruleset is made while paths can still be opened;
 * *ruleset is -1 when the kernel has no Landlock. */
int
jail_files_prepare(const struct jail *jail, const char *root, int *ruleset,
	struct error *error);
int
jail_files_enter(int *ruleset, struct error *error);

/* jail_calls.c: seccomp. */
int
jail_calls_enter(const struct jail *jail, struct error *error);

/* jail_root.c: chroot, and nobody may look into this process. */
int
jail_root_enter(const char *root, struct error *error);
int
jail_root_hide(struct error *error);

/* jail_selftest.c: tries what must not be possible and logs what came of it. */
void
jail_selftest(const struct process *process, const struct jail *jail,
	const char *root);

#endif
