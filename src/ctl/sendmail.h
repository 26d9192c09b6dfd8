/*
 * sendmail(1): how programs on this machine send mail. It speaks SMTP to the
 * running system over the Unix socket "submission", and leaves the message in
 * the drop folder when the system does not answer. Installed set-group-id
 * posthouse-drop, which may write into that folder and nothing else; so it
 * believes neither the environment nor a configuration file named to it.
 */
#ifndef CTL_SENDMAIL_H
#define CTL_SENDMAIL_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/config.h"

enum {
	SENDMAIL_RECIPIENT_LIMIT = 1000,
	SENDMAIL_TIMEOUT = 60000,	/* ms for an answer */
};

/* The command line, and what is made of it. */
struct sendmail {
	struct arena arena;
	const struct config *config;
	bool reads_recipients;		/* -t */
	bool ignores_dots;		/* -i */
	struct span sender;		/* -f; empty with has_sender: <> */
	bool has_sender;
	struct span full_name;		/* -F; empty: of the user's account */
	struct span notify, ret, envid;	/* -N, -R, -V */
	struct span recipient[SENDMAIL_RECIPIENT_LIMIT];
	size_t count;
	struct buffer message;		/* with CRLF, header completed */
	bool is_8bit, is_utf8;
};

/* ---- sendmail_message.c ---- */

/*
 * The message from standard input: line ends become CRLF, Bcc goes, From is
 * added when it is missing; with -t the recipients of the header are added. A
 * code of sysexits.h, 0: all right.
 */
int
sendmail_read(struct sendmail *sendmail);

/* The same from bytes, for tests: input has any line ends. */
int
sendmail_take(struct sendmail *sendmail, struct span input);

/* ---- sendmail_send.c ---- */

/* To the running system, or into the drop folder. */
int
sendmail_send(struct sendmail *sendmail);

/* -bs: the program speaks SMTP itself; bytes are passed on. */
int
sendmail_talk(struct sendmail *sendmail);

/* "sendmail: SENTENCE" to standard error; returns the code. */
int
sendmail_fail(int code, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
