/* The root directory, and hiding from whoever has the same uid. */
#include <sys/prctl.h>
#include <unistd.h>

#include "serve/jail_parts.h"

int
jail_root_enter(const char *root, struct error *error)
{
	if (chroot(root) < 0 || chdir("/") < 0)
		return error_set_errno(error, "changing the root to %s", root);
	return 0;
}

/* No tracing, no reading of our memory by others of the same user. */
int
jail_root_hide(struct error *error)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_set_errno(error, "hiding the process");
	return 0;
}
