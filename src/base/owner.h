/*
 * Whose a process is that runs as a system user: the user with this uid, as the
 * machine's accounts say (getpwuid, which may ask the network and hang: only
 * ever called in a process of its own).
 */
#ifndef BASE_OWNER_H
#define BASE_OWNER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

enum { OWNER_NAME_SIZE = 64, OWNER_HOME_SIZE = 1024 };

/* The system user that is who serves root's mail. */
#define OWNER_FOR_ROOT "posthouse-root"

struct owner {
	char name[OWNER_NAME_SIZE];	/* whose it is */
	char home[OWNER_HOME_SIZE];	/* absolute; need not exist */
	char user[OWNER_NAME_SIZE];	/* to become: the same, or OWNER_FOR_ROOT */
	uint32_t uid, gid;		/* to become; never 0, never group mail */
};

/*
 * -1: there is no such user, or no process may run for him: his uid is below
 * first_valid (but for 0, which is root), or his name could be a path. Not run
 * by root, only one's own uid is found.
 */
int
owner_find(uint32_t uid, uint64_t first_valid, struct owner *owner,
	struct error *error);

/* Who a program runs as whose user stands in etc/services. Without root
 * everything runs as whoever started it. */
int
owner_of_program(const char *user, uid_t *uid, gid_t *gid,
	struct error *error);

/* Makes `data_directory`/users/<uid>, 0700, and gives it to him. `uid`: whose
 * it is, 0 for root's. */
int
owner_make_directory(const char *data_directory, uint32_t uid,
	const struct owner *owner, struct error *error);

#endif
