/*
 * The one file of a user below /var/mail: made when it is missing, and locked
 * for other programs by the file beside it (base/dotlock.h). No path comes in
 * here: a name that is a system user's, in one open directory.
 */
#ifndef SPOOLLOCK_SPOOL_H
#define SPOOLLOCK_SPOOL_H

#include <sys/types.h>

#include "base/error.h"

struct spool {
	int directory;			/* borrowed */
	bool may_give;			/* CAP_CHOWN is there */
	gid_t group;			/* of files that are made */
};

/*
 * Makes NAME (0600, the owner's) when it is missing, and NAME.lock: 1, or 0 when
 * somebody has it, or -1: ERROR_REFUSED when NAME is something else than a file
 * of that owner's. Never waits.
 */
int
spool_lock(const struct spool *spool, const char *name, uid_t owner,
	struct error *error);

/* Only for who has locked it. */
void
spool_unlock(const struct spool *spool, const char *name);

#endif
