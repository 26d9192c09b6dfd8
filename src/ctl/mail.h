/*
 * `mail`: reads a mailbox and sends messages, as mailx has done since 1978. It
 * is an IMAP client of the running system (mail_box.h), so that native mailboxes,
 * mbox files and maildirs are the same to it, and locking is the system's.
 */
#ifndef CTL_MAIL_H
#define CTL_MAIL_H

#include "ctl/ctl.h"
#include "ctl/mail_box.h"
#include "ctl/mail_send.h"

struct mail {
	struct mail_box *box;
	struct arena arena;		/* of the command being run */
	size_t current;			/* index of "." */
	size_t top;			/* first of the list shown */
	bool has_shown;			/* "." has been printed */
	bool is_over, keeps_all;	/* quit, or exit without changes */
	size_t columns, rows;		/* of the terminal */
	bool is_paged;			/* standard output is a terminal */
	const char *config_path;	/* for sendmail */
};

/* ---- mail_commands.c ---- */

/* Reads commands until the end. */
void
mail_run(struct mail *mail);

/* "\"name\": 2 messages 1 new 2 unread" */
void
mail_print_summary(const struct mail *mail);

/* Lists messages from index `first` on; 0, or 1 with the sentence printed. */
int
mail_print_list(struct mail *mail, size_t first, size_t count);

/* ---- mail_actions.c: what the table of commands calls ---- */

/* Of a command: its messages as indices, and the words of its line. */
struct mail_call {
	struct mail *mail;
	const char *name;		/* as the table has it */
	struct span rest;		/* the line behind the command */
	const size_t *chosen;
	size_t count;
};
typedef void
mail_function(const struct mail_call *call);

mail_function mail_show, mail_show_all, mail_top, mail_save, mail_copy,
	mail_write, mail_detach, mail_reply_all, mail_reply_sender,
	mail_forward, mail_compose;

#endif
