/*
 * Names of system users, and what is known about one.
 */
#ifndef PROTO_SYSTEM_USER_H
#define PROTO_SYSTEM_USER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum { SYSTEM_USER_NAME_LIMIT = 64 };	/* bytes */

struct system_user {
	uint32_t uid;
	char name[SYSTEM_USER_NAME_LIMIT + 1];	/* as the machine has it */
};

/*
 * May this be the name of a system user: letters, digits, "_", and inside also
 * "-" and "."? What is not is nobody's and asked of nobody: names end up in
 * queries, paths and commands of modules that are not ours.
 */
bool
system_user_is_name(struct span name);

#endif
