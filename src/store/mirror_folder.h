/*
 * One folder of a mirror, inside: its files, what the last scan found there,
 * and which UID each message of it has. Everything here wants the folder's
 * lock, which mirror_folder_lock takes.
 */
#ifndef STORE_MIRROR_FOLDER_H
#define STORE_MIRROR_FOLDER_H

#include "store/mirror.h"
#include "store/mirror_seen.h"
#include "store/mirror_watch.h"
#include "store/op_follow.h"

enum {
	MIRROR_PATIENCE = 5000,		/* ms that others may hold a file */
	MIRROR_READ_PATIENCE = 1000,	/* the same when the log will do */
};

struct mirror_folder {
	uint32_t mailbox;
	unsigned users;			/* the table's lock */
	struct mirror_folder *next;	/* the table's lock; the newest first */

	pthread_mutex_t lock;		/* of all that follows */
	struct format_folder *files;	/* NULL: not open */
	bool is_delivered_known;	/* what files tell is in mirror.seen */
	struct mirror_sight sight;
	bool is_followed;		/* the log says what scan says */
	struct format_scan scan;
	uint32_t *uid;			/* of each entry; 0: not in the log */
	uint32_t *by_uid;		/* entries in the order of UIDs */
	size_t known;			/* how many have one */
	uint64_t pending;		/* bytes delivered since the last scan */
	uint64_t unsaved;		/* messages found or gone since the cache
					 * was written */
};

struct mirror_delivery;			/* one that is under way */

struct mirror {
	struct account *account;
	struct format *format;
	pthread_mutex_t list_lock;	/* who changes or takes over the list */
	pthread_mutex_t table_lock;	/* folder, delivering, seen */
	struct mirror_folder *folder;
	size_t count;
	pthread_cond_t delivered;
	struct mirror_delivery *delivering;
	struct mirror_seen seen;
};

/* The folder, locked and open. NO_MAILBOX when the log or the files have none. */
enum store_verdict
mirror_folder_lock(struct mirror *mirror, uint32_t mailbox,
	struct mirror_folder **folder, struct error *error);
void
mirror_folder_unlock(struct mirror *mirror, struct mirror_folder **folder);

/* Closes its files: they are somewhere else now. */
void
mirror_folder_forget(struct mirror *mirror);

/* A verdict for an error of the format. */
enum store_verdict
mirror_verdict(const struct error *error);

/* Emails of messages that are copies, by their keys. */
struct mirror_origin {
	uint8_t key[FORMAT_KEY_SIZE];
	uint64_t email;
};

/*
 * The log follows the files; the format's lock is held by the caller. origins
 * sorted by key.
 */
enum store_verdict
mirror_folder_follow(struct mirror *mirror, struct mirror_folder *folder,
	struct mirror_origin *origins, size_t count, struct error *error);

/* Locks the files and follows; then the caller may change them, and unlocks
 * with the format's unlock. */
enum store_verdict
mirror_folder_begin(struct mirror *mirror, struct mirror_folder *folder,
	int64_t patience, struct error *error);

/* Expunges these, from the file and the log. */
enum store_verdict
mirror_folder_remove(const struct store_account *handle,
	struct mirror_folder *folder, const struct number_set *uids,
	struct error *error);

/* The body, into *out, which may grow to one byte more than the message. */
enum store_verdict
mirror_body_read(struct mirror *mirror, struct mirror_folder *folder,
	const struct store_message *message, struct buffer *out,
	struct error *error);

/* With the list's lock held; `use` is for the new name. */
enum store_verdict
mirror_names_follow(struct mirror *mirror, struct span new_name, unsigned use,
	struct error *error);

/* The entry that has this UID; scan.count when there is none. */
size_t
mirror_folder_find(const struct mirror_folder *folder, uint32_t uid);

#endif
