/*
 * Writing a message in `mail`: its fields and its text, typed or read from a
 * pipe, and its way to sendmail, which knows the rest.
 */
#ifndef CTL_MAIL_SEND_H
#define CTL_MAIL_SEND_H

#include "base/buffer.h"

struct mail_draft {
	struct buffer to, cc, bcc, subject;	/* UTF-8, as typed */
	struct buffer fields;		/* further ones, each with LF */
	struct buffer body;		/* LF */
	struct span from;		/* -r; empty: oneself */
	struct span quoted;		/* what ~m takes in; may be empty */
	const char *config_path;	/* of sendmail; NULL: the standard one */
	bool sends_empty;		/* else a body without a byte is not sent */
};

void
mail_draft_init(struct mail_draft *draft);
void
mail_draft_fini(struct mail_draft *draft);

/* Adds an address to a list with its comma. */
void
mail_draft_add_address(struct buffer *list, struct span address);

/*
 * Reads the body: at a terminal, and with is_dot_end, a line "." or Ctrl-D ends
 * it and "~" begins a command; a pipe is read to its end. False: the user gave
 * up.
 */
bool
mail_draft_read(struct mail_draft *draft, bool is_dot_end);

/* The message as it goes to sendmail; for tests. */
void
mail_draft_format(const struct mail_draft *draft, struct buffer *out);

/* Runs sendmail; 0, or 1 with the sentence printed. */
int
mail_draft_send(const struct mail_draft *draft);

#endif
