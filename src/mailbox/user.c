/* The jail of a system user's mailbox process; see user.h. */
#include "mailbox/user.h"

#include "serve/jail.h"

int
user_enter_jail(struct process *process, const char *engine,
	struct error *error)
{
	const struct jail_place places[] = {
		{ engine, true },
		{ NULL, false },
	};
	const struct jail jail = { .root = engine, .places = places,
		.rights = JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_SPILL |
		JAIL_THREADS };
	if (jail_leave_root(process, error) < 0)
		return -1;
	return jail_enter(process, &jail, error);
}
