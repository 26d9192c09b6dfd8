/*
 * The mbox format inside: the mailboxes of one user, and one of them as the
 * last scan found it. Its files are format_mbox*.c; what they stand on are
 * mbox_*.c.
 */
#ifndef STORE_MBOX_INSIDE_H
#define STORE_MBOX_INSIDE_H

#include <stdatomic.h>

#include "store/format.h"
#include "store/mbox_scan.h"
#include "store/mbox_tail.h"

enum {
	MBOX_COUNT_LIMIT = 1 << 24,	/* messages of a mailbox */
	MBOX_LOOK_AGAIN = 250,	/* heads read again in a mailbox that grew */
	MBOX_HEAD_LIMIT = 16 << 20,	/* bytes of a header that is rewritten */
	MBOX_LEAF_SIZE = 256,		/* of a name in a directory, NUL included */
};

struct format_mbox {
	struct format format;
	struct format_location location;	/* strings are ours */
	struct files_calls calls;	/* of the state directory */
	pthread_mutex_t lock;		/* of the opening of calls */
	bool has_calls;
	uint64_t identity;		/* of all files, in tests; 0: their own */
	struct mbox_marks marks;
	atomic_bool is_inbox_busy;	/* one thread has it, or wants it */
};

/* What tells that a file was not written since. */
struct mbox_stamp {
	uint64_t device, inode, size;
	int64_t second, nano;
};

struct format_folder {
	struct format_mbox *format;
	bool is_inbox;
	bool is_given;		/* location.inbox_fd: there is no path to it */
	char *path, *leaf;	/* leaf: in the directory */
	int directory;		/* -1: not there yet, or is_given */
	struct mbox_file file;	/* .fd -1: not there (yet) */
	bool is_locked, has_dotlock;
	/* the last scan */
	bool is_known;
	struct mbox_stamp known;
	struct format_entry *entry;
	size_t count, room;
	size_t claim;		/* index of the first message that claims what
				 * is not there yet (mbox_scan.h), or SIZE_MAX */
	struct arena names;	/* of keywords */
	struct span keyword[STORE_KEYWORD_LIMIT];
	size_t keyword_count;
	uint32_t uid_validity, uid_next, last_uid;
};

/* ---- format_mbox_file.c: paths, descriptors, locks ---- */

/* The directory a mailbox is in, -1 with error; leaf is its name there. GONE
 * when a level is missing. */
int
mbox_directory_open(const struct format_mbox *format, struct span name,
	char leaf[MBOX_LEAF_SIZE], struct error *error);
/* The root itself. GONE. */
int
mbox_root_open(const struct format_mbox *format, struct error *error);
/* A regular file of this user with one name, or REFUSED. */
int
mbox_file_open(int directory, const char *leaf, int flags,
	struct error *error);
/* Its calls, opened when they are first needed. */
int
mbox_calls_get(struct format_mbox *format, struct error *error);
int
mbox_folder_lock(struct format_folder *folder, int64_t deadline,
	struct error *error);
void
mbox_folder_unlock(struct format_folder *folder);
/* Makes the file of INBOX when it is missing; the lock is held. */
int
mbox_folder_make(struct format_folder *folder, struct error *error);
/* Of the file that is open; all zero when none is. */
int
mbox_folder_stamp(const struct format_folder *folder,
	struct mbox_stamp *stamp, struct error *error);

/* ---- format_mbox_scan.c ---- */

int
mbox_folder_scan(struct format_folder *folder, struct format_scan *scan,
	struct error *error);
void
mbox_folder_forget(struct format_folder *folder);
struct format_entry *
mbox_folder_new_entry(struct format_folder *folder);
/* The bit of a keyword, made when there is none; 0: it is none, or too many. */
uint64_t
mbox_folder_keyword(struct format_folder *folder, struct span name);
void
mbox_folder_save(const struct format_folder *folder, struct buffer *out);
bool
mbox_folder_restore(struct format_folder *folder, struct span saved);

/* ---- format_mbox_change.c ---- */

int
mbox_folder_set_flags(struct format_folder *folder,
	const struct format_flags *changes, size_t count,
	const struct span *keyword, size_t keyword_count,
	struct error *error);
int
mbox_folder_expunge(struct format_folder *folder, const size_t *entries,
	size_t count, struct error *error);

/* ---- format_mbox_list.c ---- */

int
mbox_list(struct format *format, struct arena *arena,
	struct format_name **names, size_t *count, struct error *error);
int
mbox_create(struct format *format, struct span name, struct error *error);
int
mbox_remove(struct format *format, struct span name, struct error *error);
int
mbox_rename(struct format *format, struct span from, struct span to,
	struct error *error);
int
mbox_subscriptions(struct format *format, struct arena *arena,
	struct span **names, size_t *count, struct error *error);
int
mbox_subscribe(struct format *format, struct span name, bool is_subscribed,
	struct error *error);

/* ---- for tests ---- */

/* Over other calls (a disk that dies), which are its own then; the files are
 * known by `identity`. */
struct format *
format_mbox_new_on(const struct format_location *location,
	const struct files_calls *calls, uint64_t identity);

#endif
