/*
 * The parameter mail_location, in Dovecot's words: where system users' mail is.
 *
 *	native[:DIR]
 *	mbox:DIR[:INBOX=FILE]
 *	maildir:DIR[:INBOX=DIR][:LAYOUT=Maildir++]
 *
 * Paths are absolute, or begin with ~/ or %h (the home). In them %u is the
 * user's name with its domain if it has one, %n without, %d the domain, %h the
 * home, %% a percent sign; a digit (%1n) takes so many characters from the
 * front. Where Dovecot keeps its own files (INDEX=, CONTROL= ...) is taken and
 * passed over: Posthouse has its own below data_directory.
 */
#ifndef PROTO_MAIL_LOCATION_H
#define PROTO_MAIL_LOCATION_H

#include "base/arena.h"
#include "base/error.h"
#include "base/span.h"

enum { MAIL_LOCATION_PATH_LIMIT = 1024 };

enum mail_location_kind {
	MAIL_LOCATION_NATIVE, MAIL_LOCATION_MBOX, MAIL_LOCATION_MAILDIR,
};

/* Templates of paths; empty: not said. Borrowed from the text. */
struct mail_location {
	enum mail_location_kind kind;
	struct span directory, inbox;
};

/* -1: one sentence with what was found and what was expected. */
int
mail_location_parse(struct span text, struct mail_location *location,
	struct error *error);

/* Whose paths are wanted. */
struct mail_location_user {
	struct span name, domain;	/* domain: empty for a system user */
	struct span home;		/* absolute */
};

/*
 * The path of a template that mail_location_parse gave, terminated, in the
 * arena. -1 when this user's would be no path of his: a name with '/' or
 * control characters in it, an empty value, a part that is "." or "..".
 */
int
mail_location_expand(struct span pattern,
	const struct mail_location_user *user, struct arena *arena,
	const char **path, struct error *error);

#endif
