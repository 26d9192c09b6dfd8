/*
 * What is different in the mailbox process of a system user (mailbox-user): it
 * runs as that user, without a chroot; his mail is where mail_location says, and
 * Landlock lets the process have that and nothing else of what is his.
 */
#ifndef MAILBOX_USER_H
#define MAILBOX_USER_H

#include "serve/process.h"

struct format;
struct lot;

/* What became of it. */
struct user_mail {
	const char *engine;		/* where the accounts' logs are */
	struct format *format;		/* NULL: the mail is in the log itself */
	int inbox;			/* opened for this process, or -1 */
	struct lot *lot;		/* in: stopped when the jail does not fit
					 * the mail any more */
};

/*
 * Becomes the user, finds his mail, enters the jail. `own`: his directory below
 * data_directory, which is there. What of his is not there, or not his, is left
 * out and logged: without folders INBOX goes on. -1: no mail can be served.
 */
int
user_enter_jail(struct process *process, const char *own,
	struct user_mail *mail, struct error *error);

/* After the store is closed. */
void
user_leave(struct user_mail *mail);

#endif
