/*
 * The message as programs and files get it: lines end with LF, and ours stand
 * in front.
 *
 *	RFC 5321 4.4 (Return-Path), RFC 4155 (the From_ line)
 */
#ifndef PIPE_CONTENT_H
#define PIPE_CONTENT_H

#include "pipe/pipe.h"

enum content_form {
	CONTENT_PROGRAM,	/* with a From_ line */
	CONTENT_MBOX,		/* and quoted, an empty line behind it */
	CONTENT_MAILDIR,	/* without */
};

/* Appends it to the file: now is wall time, ms. */
int
content_write(const struct pipe_delivery *delivery, enum content_form form,
	int64_t now, int fd, struct error *error);

/* Does the message say that it was delivered to this address before? Then it
 * goes in a circle. */
int
content_has_delivered(const struct mail_body *body, struct span address,
	bool *has, struct error *error);

#endif
