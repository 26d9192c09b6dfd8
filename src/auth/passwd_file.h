/*
 * A passwd-file of Dovecot: a line for each user,
 * "user:password:uid:gid:gecos:home:shell:extra fields", of which Posthouse
 * reads the first two, and the extra fields for what forbids a login. Constant
 * once made. Runs in auth; the file is the administrator's, its size bounded.
 */
#ifndef AUTH_PASSWD_FILE_H
#define AUTH_PASSWD_FILE_H

#include "base/arena.h"
#include "proto/scram.h"

enum { PASSWD_FILE_LIMIT = 64 << 20, PASSWD_LINE_LIMIT = 4096 };

/* ---- lines ---- */

/* Spans are of the line. */
struct passwd_line {
	struct span user, password;
	const char *forbids;	/* NULL, or the extra field that forbids a login
				 * in a way that is not done here */
};

enum passwd_line_verdict {
	PASSWD_LINE_OK,
	PASSWD_LINE_EMPTY,	/* blank, or a comment */
	PASSWD_LINE_BAD,
};

/* One line without its LF. */
enum passwd_line_verdict
passwd_line_parse(struct span line, struct passwd_line *out);

/* ---- files ---- */

struct passwd_entry {
	struct span name;		/* normalised address */
	struct span domain;		/* normalised */
	struct span written;		/* as an address */
	bool has_password;		/* can be logged in to */
	bool has_keys;			/* keys, else hash */
	struct scram_keys keys;
	struct span hash;
};

/* What depends on the system: the address a user name stands for, in the arena;
 * and whom to tell of a line that is damaged. */
struct passwd_reader {
	bool (*name)(void *context, struct span user, struct arena *arena,
		struct passwd_entry *entry);
	void (*complain)(void *context, size_t line, struct span user,
		const char *reason);
	void *context;
};

struct passwd_file;

/* The text is copied as far as it is needed. Of two lines for one user the first
 * counts. */
struct passwd_file *
passwd_file_new(struct span text, const struct passwd_reader *reader);
void
passwd_file_free(struct passwd_file **file);

/* Borrowed; NULL: nobody of that name. */
const struct passwd_entry *
passwd_file_find(const struct passwd_file *file, struct span normalised);

/* In the order of the file; NULL after the last. */
const struct passwd_entry *
passwd_file_get(const struct passwd_file *file, size_t at);

/* Has everybody who can log in keys, so that SCRAM works? */
bool
passwd_file_has_keys(const struct passwd_file *file);

#endif
