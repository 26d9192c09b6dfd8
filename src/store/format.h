/*
 * Mail in files that other programs change too: mbox and maildir. There the
 * user's files are the truth; the account's log keeps what IMAP needs beside
 * them (UIDs, change numbers), and store/mirror.h makes it follow. This is the
 * door between the two: a format lists folders, scans one, and changes one. It
 * knows no UIDs and no records.
 *
 * Everything in the files is another program's, and hostile. Symbolic and hard
 * links, devices and files of another owner are refused: ERROR_REFUSED.
 */
#ifndef STORE_FORMAT_H
#define STORE_FORMAT_H

#include "base/arena.h"
#include "base/error.h"
#include "store/store.h"

enum {
	FORMAT_KEY_SIZE = 16,
	FORMAT_KEYWORD_SHIFT = 8,	/* as in struct store_message.flags */
	FORMAT_PATH_LIMIT = 2,
};

/*
 * Where the mail of one user is: a parsed and expanded `mail_location`. Paths
 * are absolute; root is the directory of folders (made when it is needed and
 * its parent is there), inbox the file or directory of INBOX (NULL: in root).
 */
struct format_location {
	const char *root, *inbox;
	int inbox_fd;			/* of a file opened by master, else -1 */
	/* A directory of this process's own, made when it is missing: what a
	 * crash in the middle of rewriting a file needs is kept there. */
	const char *state;
	/* The dotlock of the inbox, where this process may not make one itself
	 * (/var/mail): lock also makes the file when it is missing. -1 with
	 * ERROR_LATER when it is not had until the deadline (monotonic ms).
	 * NULL: dotlocks are made here. */
	int (*lock)(void *context, int64_t deadline, struct error *error);
	void (*unlock)(void *context);
	/* A directory was replaced by another, which this process cannot have
	 * (its jail knows the old one): it should end. NULL: nothing. */
	void (*lost)(void *context);
	void *context;
};

struct format;			/* the files of one user; of all threads */
struct format_folder;		/* one mailbox; used by one thread at a time */

/* A mailbox as the files have it; '/' separates levels, as in store.h. */
struct format_name {
	struct span name;
	bool is_name_only;		/* a directory that holds no messages */
};

/* A message as the last scan found it, in the order of the file. */
struct format_entry {
	uint8_t key[FORMAT_KEY_SIZE];	/* the same as long as the message's content
					 * is, wherever it stands */
	uint32_t uid;			/* as the file says (X-UID, dovecot-uidlist);
					 * 0: it does not */
	uint64_t flags;			/* enum store_flag, and the folder's keywords
					 * from bit FORMAT_KEYWORD_SHIFT */
	uint64_t size;			/* octets with CRLF ends of lines, From lines
					 * unquoted, without the status fields */
	int64_t date;			/* seconds */
	int zone;
	uint64_t place, length;		/* the format's own */
};

/* What a scan knows; the folder's, until the next scan or its close. */
struct format_scan {
	const struct format_entry *entry;
	size_t count;
	const struct span *keyword;	/* by bit */
	size_t keyword_count;
	uint32_t uid_validity, uid_next;	/* as the files say; 0: they do not */
};

/* One change of flags: the flags that the entry is to have. */
struct format_flags {
	size_t entry;			/* index in the scan */
	uint64_t flags;
};

struct format_functions {
	/* In any order, INBOX always among them. GONE: root is not there (a
	 * home that is not mounted): nothing is known. */
	int (*list)(struct format *format, struct arena *arena,
		struct format_name **names, size_t *count,
		struct error *error);
	/* Names that are subscribed, in the file where others look for them;
	 * change is durable. */
	int (*subscriptions)(struct format *format, struct arena *arena,
		struct span **names, size_t *count, struct error *error);
	int (*subscribe)(struct format *format, struct span name,
		bool is_subscribed, struct error *error);
	/* EXISTS, GONE, REFUSED; durable when they return 0. What is above a
	 * name is made too, as a name only where the format can. */
	int (*create)(struct format *format, struct span name,
		struct error *error);
	int (*remove)(struct format *format, struct span name,
		struct error *error);
	int (*rename)(struct format *format, struct span from, struct span to,
		struct error *error);

	/* GONE: there is no such folder. An INBOX that is not there yet is an
	 * empty one. */
	int (*open)(struct format *format, struct span name,
		struct format_folder **folder, struct error *error);
	void (*close)(struct format_folder **folder);
	/* Cheap (stat): may it differ from what the last scan found? */
	bool (*has_changed)(struct format_folder *folder);
	/* What to watch with inotify, at most FORMAT_PATH_LIMIT; borrowed. */
	size_t (*paths)(const struct format_folder *folder,
		const char *path[FORMAT_PATH_LIMIT]);

	/*
	 * Between lock and unlock nobody else who keeps to the rules changes
	 * the folder. Every call below but read wants the lock and, but for
	 * scan and append, a scan that is up to date. LATER: not until the
	 * deadline.
	 */
	int (*lock)(struct format_folder *folder, int64_t deadline,
		struct error *error);
	void (*unlock)(struct format_folder *folder);
	/* Finds out what is there, reading no more of it than it has to: what
	 * was only appended to is read from its old end. */
	int (*scan)(struct format_folder *folder, struct format_scan *scan,
		struct error *error);
	/* Durable at return, all of them or none. Bodies come as in the wire's
	 * form (CRLF); flags.keyword are names. Does not need a scan: a
	 * delivery costs what the message costs. keys: `count` of them, as the
	 * next scan will find the messages. */
	int (*append)(struct format_folder *folder,
		const struct store_message_new *messages, size_t count,
		uint8_t (*keys)[FORMAT_KEY_SIZE], struct error *error);
	/*
	 * The transactions of messages that append has put here since then
	 * (wall clock, seconds) and that are still here, appended to *out one
	 * after the other; durable at return. NULL: the files do not tell.
	 */
	int (*delivered)(struct format_folder *folder, int64_t since,
		struct buffer *out, struct error *error);
	/* Durable at return; after a crash each message has its old flags or
	 * its new ones. keyword: the names of the bits, as the caller counts
	 * them. USAGE, and nothing is done: more keywords than it can hold. */
	int (*set_flags)(struct format_folder *folder,
		const struct format_flags *changes, size_t count,
		const struct span *keyword, size_t keyword_count,
		struct error *error);
	/* Removes entries, ascending indices; durable, and after a crash all of
	 * them are there or none. */
	int (*expunge)(struct format_folder *folder, const size_t *entries,
		size_t count, struct error *error);

	/* The body in the wire's form, appended to *out, which refuses beyond
	 * its limit. Needs no lock; GONE when the message is not where the last
	 * scan saw it (then scan again). */
	int (*read)(struct format_folder *folder,
		const struct format_entry *entry, struct buffer *out,
		struct error *error);
	/* Only its first `size` bytes in the file, appended to *out in the
	 * wire's form. NULL: the format has to read all to know what it
	 * reads. */
	int (*read_head)(struct format_folder *folder,
		const struct format_entry *entry, size_t size,
		struct buffer *out, struct error *error);
	/* What the format knows of the folder's places, for the next process to
	 * begin with, so that it need not read the whole; and back. restore:
	 * false when it does not fit what is there. */
	void (*save)(const struct format_folder *folder, struct buffer *out);
	bool (*restore)(struct format_folder *folder, struct span saved);
	void (*free)(struct format **format);
};

/* First member of every format. */
struct format {
	const struct format_functions *call;
};

/* Strings are copied; functions and their context are borrowed. */
struct format *
format_mbox_new(const struct format_location *location);
struct format *
format_maildir_new(const struct format_location *location);

#endif
