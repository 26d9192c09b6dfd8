/*
 * The lock that is a file: NAME.lock beside NAME, made with O_EXCL, the maker's
 * process id inside (Debian policy 11.6, lockfile_create(3)). Programs that
 * change a mailbox have it, and a lock by fcntl.
 */
#ifndef BASE_DOTLOCK_H
#define BASE_DOTLOCK_H

#include <stdbool.h>

#include "base/error.h"

enum {
	DOTLOCK_STALE = 300,	/* seconds after which one is broken whose maker
				 * cannot be seen */
	DOTLOCK_NAME_SIZE = 256,
};

/*
 * Makes NAME.lock in the directory: 1, or 0 when somebody has it, or -1 (the
 * directory cannot be written: ERROR_REFUSED). Never waits. One whose process
 * is not there any more, or that says none and is five minutes old, is
 * removed first.
 */
int
dotlock_take(int directory, const char *name, struct error *error);

/* Only for who took it. */
void
dotlock_give(int directory, const char *name);

#endif
