/*
 * What is different in the mailbox process of a system user (mailbox-user): it
 * runs as that user, without a chroot, and Landlock lets it have his mail and
 * nothing else of what is his.
 */
#ifndef MAILBOX_USER_H
#define MAILBOX_USER_H

#include "serve/process.h"

/*
 * Becomes the user and enters the jail. `engine`: his directory below
 * data_directory, which is there.
 */
int
user_enter_jail(struct process *process, const char *engine,
	struct error *error);

#endif
