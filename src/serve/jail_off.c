/*
 * No jail but the user: sanitised builds need files, ptrace and clone for
 * themselves. Which of the two is built is meson's choice.
 */
#include <sys/prctl.h>

#include "serve/jail_parts.h"

int
jail_files_prepare(const struct jail *jail, const char *root, int *ruleset,
	struct error *error)
{
	(void)jail;
	(void)root;
	(void)error;
	*ruleset = -1;
	return 0;
}

int
jail_files_enter(int *ruleset, struct error *error)
{
	(void)ruleset;
	(void)error;
	return 0;
}

int
jail_calls_enter(const struct jail *jail, struct error *error)
{
	(void)jail;
	(void)error;
	return 0;
}

int
jail_root_enter(const char *root, struct error *error)
{
	(void)root;
	(void)error;
	return 0;
}

/* The change of the user hid it; the leak checker traces its own process. */
int
jail_root_hide(struct error *error)
{
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return error_set_errno(error, "showing the process");
	return 0;
}

void
jail_selftest(const struct process *process, const struct jail *jail,
	const char *root)
{
	(void)process;
	(void)jail;
	(void)root;
}
