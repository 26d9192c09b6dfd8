/* Passwords from the terminal (twice, unseen) or from standard input. */
#ifndef CTL_PASSWORD_H
#define CTL_PASSWORD_H

#include "base/buffer.h"
#include "base/error.h"

enum { PASSWORD_LIMIT = 1000 };

/* On a terminal asks twice; else reads one line. Never empty. */
int
password_read(const char *address, struct buffer *password,
	struct error *error);

/* One that exists already: asked for once. */
int
password_read_once(const char *address, struct buffer *password,
	struct error *error);

/* "PROMPT ADDRESS: " on a terminal, unseen. May be empty. Ctrl-C, too, leaves the
 * terminal as it was: then -1. */
int
password_ask(const char *prompt, const char *address, struct buffer *line,
	struct error *error);

/* 16 letters and digits that are hard to confuse. */
void
password_make(struct buffer *password);

#endif
