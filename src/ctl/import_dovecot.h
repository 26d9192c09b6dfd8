/*
 * What the parts of the reader of dovecot.conf share: import_dovecot.c (lines, blocks
 * and includes), import_dovecot_settings.c (what they mean), import_dovecot_mail.c
 * (where mail is, in 2.4), and import_dovecot_accounts.c (passdb and userdb). Nobody
 * else includes this.
 */
#ifndef CTL_IMPORT_DOVECOT_H
#define CTL_IMPORT_DOVECOT_H

#include "ctl/import_config.h"

/* Of the settings that mail_location was before 2.4. */
enum import_dovecot_mail {
	DOVECOT_MAIL_DRIVER,
	DOVECOT_MAIL_PATH,
	DOVECOT_MAIL_INBOX_PATH,
	DOVECOT_MAIL_LAYOUT,
	DOVECOT_MAIL_COUNT,
};

struct import_dovecot_mail_setting {
	struct span value;
	struct import_place place;	/* file NULL: not said */
};

struct dovecot {
	struct config_import *import;
	struct import_place place;	/* being read */
	struct span block[IMPORT_DEPTH];	/* "service imap-login", ... */
	size_t depth;
	unsigned files, lines;
	struct span driver, args;	/* of the passdb or userdb block */
	struct span path;		/* its passwd_file_path */
	bool is_narrow;			/* deny or master */
	struct buffer protocols;	/* of all lines so far */
	struct import_place protocols_place;	/* of the last; file NULL: none */
	struct buffer mechanisms;	/* the same */
	struct import_place mechanisms_place;
	struct import_dovecot_mail_setting mail[DOVECOT_MAIL_COUNT];
	struct span sql_driver;		/* of 2.4 */
	struct error *error;
};

/* A line of the report about what is being read. */
void
import_dovecot_say(struct dovecot *dovecot, struct span name, const char *text);

/* Is it the first word of the block at a depth? */
bool
import_dovecot_is_in(const struct dovecot *dovecot, size_t depth,
	const char *kind);

/* Whatever the case of its letters; the list ends with NULL. */
bool
import_dovecot_is_one_of(struct span word, const char *const *list);

/* The second word of the block at a depth, without quotes: "inbox" of namespace inbox. */
struct span
import_dovecot_label(const struct dovecot *dovecot, size_t depth);

/* The name that a setting of 2.4 has outside of blocks: in `ssl_server {` cert_file is
 * ssl_server_cert_file. Borrowed until the import ends. */
struct span
import_dovecot_full_name(struct dovecot *dovecot, struct span name);

/* The value with variables as Posthouse has them: %{user | domain} is %d. False: one
 * has no counterpart; *bad is where it begins. */
bool
import_dovecot_expand(struct span value, struct buffer *out, struct span *bad);

/* A setting, wherever it stands. */
void
import_dovecot_take(struct dovecot *dovecot, struct span name,
	struct span value);

/* Is it one of mail_driver and its like? Then it is taken. At the end of all files they
 * become a mail_location. */
bool
import_dovecot_take_mail(struct dovecot *dovecot, struct span name,
	struct span value);
void
import_dovecot_end_mail(struct dovecot *dovecot);

/* Lists that are complete when all files are read: protocols and auth_mechanisms. */
void
import_dovecot_end_lists(struct dovecot *dovecot);

/* Is it one of those that stood in the file of an ldap or sql passdb before 2.4? Then it
 * is said which line of such a file it is now. */
bool
import_dovecot_take_of_source(struct dovecot *dovecot, struct span name,
	struct span value);
void
import_dovecot_take_pgsql(struct dovecot *dovecot, struct span name,
	struct span value);

/* A setting of a passdb or a userdb, and the end of such a block. */
void
import_dovecot_take_passdb(struct dovecot *dovecot, struct span name,
	struct span value);
void
import_dovecot_end_passdb(struct dovecot *dovecot, struct span block);
void
import_dovecot_end_userdb(struct dovecot *dovecot);

#endif
