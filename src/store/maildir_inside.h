/*
 * The maildir format inside: one folder as the last scan found it. Its files
 * are format_maildir*.c; names of files are in format_maildir_name.c.
 */
#ifndef STORE_MAILDIR_INSIDE_H
#define STORE_MAILDIR_INSIDE_H

#include <sys/stat.h>

#include "base/map.h"
#include "store/format.h"

enum {
	MAILDIR_NAME_LIMIT = 255,	/* of a file */
	MAILDIR_LETTERS = 26,		/* keywords a to z */
	/* As format_scan numbers keywords: P first, then the letters. */
	MAILDIR_KEYWORDS = 1 + MAILDIR_LETTERS,
	MAILDIR_MESSAGE_LIMIT = 1 << 30,	/* bytes of a file that is read */
	MAILDIR_COUNT_LIMIT = 1 << 24,	/* files in a folder */
};

/* The keyword that P stands for. */
#define MAILDIR_PASSED SPAN("$Forwarded")

/* ---- names of files, format_maildir_name.c ---- */

struct maildir_name {
	struct span base;		/* without info: who the message is */
	struct span tail;		/* what stands behind it, or empty */
	uint64_t size, wire_size;	/* of S= and W=; UINT64_MAX: not told */
	uint64_t second, micro;		/* of its beginning, for the order */
};
/* The transaction that stands in a base name. False: none does. */
bool
maildir_name_transaction(struct span base,
	uint8_t transaction[STORE_TRANSACTION_SIZE]);

/* False: not a message's name (a dot file, or too long). */
bool
maildir_name_parse(struct span text, struct maildir_name *name);
/* enum store_flag and bits from FORMAT_KEYWORD_SHIFT, as in format_scan. */
uint64_t
maildir_name_flags(struct span tail);
/* A tail with the letters of the flags, sorted, and those of the old tail that
 * mean nothing to us. */
void
maildir_name_tail(uint64_t flags, struct span old, struct buffer *out);
/* A key from the base name; `size` when the name lies about it, else
 * UINT64_MAX. */
void
maildir_name_key(struct span base, uint64_t size,
	uint8_t key[FORMAT_KEY_SIZE]);
/* A unique name, info aside. */
struct maildir_stamp {
	int64_t second;
	uint32_t micro;
	uint64_t device, inode;
	uint64_t size, wire_size;
	const uint8_t *transaction;	/* NULL: none */
};
void
maildir_name_make(const struct maildir_stamp *stamp, struct buffer *out);

/* ---- files that Dovecot keeps, format_maildir_uidlist.c ---- */

/* dovecot-uidlist, versions 1 and 3. */
struct maildir_uidlist {
	struct span rest;		/* lines not read yet */
	unsigned version;
	uint32_t uid_validity, uid_next;
};
/* False: not such a file. */
bool
maildir_uidlist_init(struct maildir_uidlist *list, struct span text);
/* Lines that are nonsense are passed over; false at the end. */
bool
maildir_uidlist_next(struct maildir_uidlist *list, uint32_t *uid,
	struct span *base);

/* dovecot-keywords: names by letter, borrowed from the text; empty: none. */
void
maildir_keywords_parse(struct span text,
	struct span names[MAILDIR_LETTERS]);
void
maildir_keywords_format(const struct span names[MAILDIR_LETTERS],
	struct buffer *out);

/* ---- a folder ---- */

struct maildir {
	struct format format;
	char *root, *inbox;		/* inbox: root, unless it is elsewhere */
	void (*lost)(void *context);	/* as in struct format_location */
	void *context;
};

/* Beside each format_entry. */
struct maildir_file {
	char *base;			/* owned */
	char *tail;			/* owned, or NULL: none */
	bool is_new;			/* in new, not in cur */
	bool is_seen;			/* by the scan under way */
	bool is_same;			/* it had the name that was known */
	bool lies;			/* the name, about the size */
};

/* What a directory was like when it was read. */
struct maildir_mark {
	dev_t device;
	ino_t inode;
	struct timespec changed;
	bool is_doubtful;		/* it may have changed in the same tick */
};

struct maildir_folder {
	struct maildir *maildir;
	char *path, *path_new, *path_cur;
	int directory, in_new, in_cur, in_tmp;	/* -1: it is not there yet */
	struct format_entry *entry;
	struct maildir_file *file;
	size_t count, room;
	struct map by_base;		/* base: index + 1 */
	struct maildir_mark mark_new, mark_cur;
	bool is_scanned;
	struct buffer keyword_text;
	struct timespec keywords_read;
	struct span letter[MAILDIR_LETTERS];
	struct span keyword[MAILDIR_KEYWORDS];
	struct timespec uidlist_read;
	uint32_t uid_validity, uid_next;
	struct map refused;		/* files that the log has named */
	int64_t last_micro;		/* of the last name made */
};

static inline struct maildir_folder *
maildir_of(struct format_folder *folder)
{
	return (struct maildir_folder *)folder;
}

/* ---- directories, format_maildir.c ---- */

/* new, cur and tmp, made if they are not there. */
int
maildir_folder_make(const char *path, struct error *error);
/* Opens them; what is not there stays -1. */
int
maildir_folder_enter(struct maildir_folder *folder, struct error *error);
/* REFUSED when it is not a directory of ours; a new descriptor. */
int
maildir_directory_open(int at, const char *name, struct error *error);

/* The name of the file of entry i: in *out. */
void
maildir_file_name(const struct maildir_folder *folder, size_t i,
	struct buffer *out);

/* ---- format_maildir_scan.c ---- */

int
maildir_scan(struct format_folder *folder, struct format_scan *scan,
	struct error *error);
bool
maildir_has_changed(struct format_folder *folder);
int
maildir_read(struct format_folder *folder, const struct format_entry *entry,
	struct buffer *out, struct error *error);
int
maildir_read_head(struct format_folder *folder,
	const struct format_entry *entry, size_t size, struct buffer *out,
	struct error *error);
void
maildir_save(const struct format_folder *folder, struct buffer *out);
bool
maildir_restore(struct format_folder *folder, struct span saved);
/* Those that are known get the names they have now; nothing else changes. */
int
maildir_names_refresh(struct maildir_folder *folder, struct error *error);
/* Entries and all that belongs to them. */
void
maildir_forget(struct maildir_folder *folder);

/* ---- format_maildir_change.c ---- */

int
maildir_append(struct format_folder *folder,
	const struct store_message_new *messages, size_t count,
	uint8_t (*keys)[FORMAT_KEY_SIZE], struct error *error);
int
maildir_delivered(struct format_folder *folder, int64_t since,
	struct buffer *out, struct error *error);
int
maildir_set_flags(struct format_folder *folder,
	const struct format_flags *changes, size_t count,
	const struct span *keyword, size_t keyword_count,
	struct error *error);
int
maildir_expunge(struct format_folder *folder, const size_t *entries,
	size_t count, struct error *error);

/* ---- format_maildir_list.c ---- */

/* The path of a folder, or REFUSED: maildir cannot have that name. */
int
maildir_path(const struct maildir *maildir, struct span name,
	struct buffer *path, struct error *error);
int
maildir_list(struct format *format, struct arena *arena,
	struct format_name **names, size_t *count, struct error *error);
int
maildir_subscriptions(struct format *format, struct arena *arena,
	struct span **names, size_t *count, struct error *error);
int
maildir_subscribe(struct format *format, struct span name,
	bool is_subscribed, struct error *error);
int
maildir_create(struct format *format, struct span name, struct error *error);
int
maildir_remove(struct format *format, struct span name, struct error *error);
int
maildir_rename(struct format *format, struct span from, struct span to,
	struct error *error);

#endif
