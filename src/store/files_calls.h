/*
 * The few system calls that the engine `files` stands on, as a table, so that
 * the crash simulator (test/crash) can put a disk of its own below the same
 * engine: one that loses what was not synced. Paths are relative to the
 * engine's root. Results and errno are those of the system calls.
 */
#ifndef STORE_FILES_CALLS_H
#define STORE_FILES_CALLS_H

#include "store/engine.h"

/* Where a sync stands: the simulator leaves each out in turn. */
enum files_sync {
	FILES_SYNC_SEGMENT,	/* an appended group */
	FILES_SYNC_BODY,
	FILES_SYNC_TRUNCATE,
	FILES_SYNC_LOG_NAME,	/* a new segment's name in log/ */
	FILES_SYNC_BODY_NAME,	/* a new body's in big/ */
	FILES_SYNC_ACCOUNT,	/* log/ or big/ in the account's directory */
	FILES_SYNC_FOLDER,	/* the account in its folder of two digits */
	FILES_SYNC_ROOT,	/* the folder */
	FILES_SYNC_UNLISTED,	/* a deleted account is not there any more */
	FILES_SYNC_ALL,		/* what a process that died had not synced */
	FILES_SYNC_COUNT,
};

typedef void files_name(void *context, const char *name);

struct files_calls {
	void *context;
	/* flags O_CREAT, O_EXCL or 0; always O_RDWR, mode 0600; a descriptor
	 * that can be read with pread */
	int (*open)(void *context, const char *path, int flags);
	/* A write lock on the whole, or errno EAGAIN; ESTALE: the locked file has
	 * no name any more */
	int (*lock)(void *context, int fd);
	ssize_t (*write)(void *context, int fd, const struct iovec *piece,
		int count, uint64_t offset);
	int (*truncate)(void *context, int fd, uint64_t size);
	int (*allocate)(void *context, int fd, uint64_t size);
	int (*sync)(void *context, int fd, enum files_sync site,
		struct error *error);
	int (*sync_directory)(void *context, const char *path,
		enum files_sync site, struct error *error);
	int (*sync_all)(void *context, enum files_sync site,
		struct error *error);
	void (*close)(void *context, int fd);
	int (*make_directory)(void *context, const char *path);
	int (*rename)(void *context, const char *from, const char *to);
	int (*unlink)(void *context, const char *path);
	int (*remove_directory)(void *context, const char *path);
	/* Without . and .. */
	int (*list)(void *context, const char *path, files_name *name,
		void *name_context);
	/* A descriptor of a directory, or -1 */
	int (*directory)(void *context, const char *path);
	uint64_t (*room)(void *context);
	void (*end)(void *context);	/* the engine is closed */
};

/* The engine over any calls, which are its own from now on. */
int
engine_files_open_on(const struct files_calls *calls, struct engine **engine,
	struct error *error);

/*
 * Says that a process is at work below the root, until files_running_end, and
 * makes durable what one that died before its syncs left in the kernel's
 * memory: it would be read, and be gone after a power cut.
 */
struct files_running {
	char path[40];
	int fd;
};
int
files_running_begin(const struct files_calls *calls,
	struct files_running *running, struct error *error);
void
files_running_end(const struct files_calls *calls,
	struct files_running *running);

/* The real ones below a directory, which is made when it is not there. */
int
files_calls_open(const char *path, struct files_calls *calls,
	struct error *error);

#endif
