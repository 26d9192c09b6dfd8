/*
 * The process pipe: as the owner of an alias file or of a .forward it puts
 * messages into the programs and files that are named there. It is told only
 * which (table, key, index) and reads the table itself, so that nobody who can
 * write to a wire chooses a command.
 */
#ifndef PIPE_PIPE_H
#define PIPE_PIPE_H

#include <stdatomic.h>

#include "pipe/seen.h"
#include "serve/mail_server.h"

enum {
	PIPE_OUTPUT_LIMIT = 1024,	/* bytes kept of what a program says */
	PIPE_HEADER_LIMIT = 256 << 10,	/* of a message, looked at for loops */
	PIPE_LOCK_WAIT = 30000,		/* ms for a file that others hold */
};

/* Made by main; constant while sessions run but for the time limit. */
struct pipe {
	uint32_t uid;			/* this process's, for good */
	uint32_t default_uid;		/* of default_privs: for files of root's */
	const char *alias_maps;
	const char *user, *home, *shell;	/* of the uid; home may be missing */
	const char *hostname;
	const char *delimiters;		/* recipient_delimiter */
	_Atomic int64_t time_limit;	/* ms, of a program */
	struct seen seen;
};

/* The transaction of one recipient: what it is delivered with. */
struct pipe_delivery {
	struct pipe *pipe;
	struct mail_transaction *transaction;
	const struct mail_recipient *recipient;
	struct span original;		/* of RCPT, before aliases */
};

/* Fills in a server whose messages go into programs and files. */
void
pipe_server_init(struct mail_server *server, struct pipe *pipe);

#endif
