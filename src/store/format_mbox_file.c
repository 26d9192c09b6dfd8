/*
 * Mailbox files: opened without following links, checked by descriptor, locked
 * as Debian's policy (11.6) and others have it: a dotlock and a lock by fcntl.
 * Neither is waited for while the other is held, so it does not matter in
 * which order others take them.
 */
#include "store/mbox_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/dotlock.h"
#include "base/file.h"
#include "proto/mutf7.h"
#include "store/name.h"

enum { WAIT_LEAST = 5, WAIT_MOST = 200, HOOK_WAIT = 2000 };	/* ms */

/* ---- opening ---- */

int
mbox_root_open(const struct format_mbox *format, struct error *error)
{
	int fd = open(format->location.root,
		O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : error_set_errno(error, "opening %s",
		format->location.root);
}

/* What begins with a dot belongs to programs, and so do locks. */
static bool
is_level(struct span level)
{
	if (level.size == 0 || level.size >= MBOX_LEAF_SIZE ||
		level.data[0] == '.' ||
		span_ends_nocase(level, SPAN(".lock")))
		return false;
	for (size_t i = 0; i < level.size; i++)
		if ((unsigned char)level.data[i] < ' ' ||
			level.data[i] == 127 || level.data[i] == '/')
			return false;
	return true;
}

/*
 * A level of a name as a name of a file. Dovecot writes them in modified UTF-7;
 * what is there in UTF-8, as others make it, is taken as it is.
 */
static bool
level_name(int directory, struct span level, char out[MBOX_LEAF_SIZE])
{
	struct stat status;
	struct buffer encoded;
	if (!is_level(level))
		return false;
	buffer_init(&encoded, MBOX_LEAF_SIZE - 1);
	mutf7_encode(&encoded, level);
	bool fits = !buffer_is_overrun(&encoded);
	snprintf(out, MBOX_LEAF_SIZE, "%.*s",
		SPAN_PRINT(buffer_span(&encoded)));
	buffer_fini(&encoded);
	if (fits && fstatat(directory, out, &status, AT_SYMLINK_NOFOLLOW) == 0)
		return true;
	char plain[MBOX_LEAF_SIZE];
	snprintf(plain, sizeof(plain), "%.*s", SPAN_PRINT(level));
	if (fits && fstatat(directory, plain, &status,
			AT_SYMLINK_NOFOLLOW) < 0)
		return true;
	memcpy(out, plain, MBOX_LEAF_SIZE);
	return true;
}

int
mbox_directory_open(const struct format_mbox *format, struct span name,
	char leaf[MBOX_LEAF_SIZE], struct error *error)
{
	struct span rest = name, level;
	int fd = mbox_root_open(format, error);
	while (fd >= 0 && span_split(&rest, '/', &level)) {
		if (!level_name(fd, level, leaf)) {
			file_close(&fd);
			return error_set(error, ERROR_REFUSED,
				"a mailbox cannot have this name");
		}
		if (rest.data == NULL)
			break;
		int next = openat(fd, leaf, O_RDONLY | O_DIRECTORY |
			O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			error_set_errno(error, "opening %s", leaf);
		/* A mailbox has no mailboxes below it. */
		if (next < 0 && errno == ENOTDIR)
			error->code = ERROR_GONE;
		file_close(&fd);
		fd = next;
	}
	return fd;
}

int
mbox_file_open(int directory, const char *leaf, int flags, struct error *error)
{
	struct stat status;
	flags |= O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	/* Reading for a client must not look like the user's own reading: by
	 * atime < mtime others know of new mail. */
	int fd = openat(directory, leaf, flags | O_NOATIME, 0600);
	if (fd < 0 && errno == EPERM)
		fd = openat(directory, leaf, flags, 0600);
	if (fd < 0 && (errno == ELOOP || errno == EISDIR))
		return error_set(error, errno == EISDIR ? ERROR_GONE :
			ERROR_REFUSED, "%s is not a regular file", leaf);
	if (fd < 0)
		return error_set_errno(error, "opening mailbox %s", leaf);
	if (fstat(fd, &status) < 0)
		error_set_errno(error, "looking at %s", leaf);
	else if (!S_ISREG(status.st_mode))
		error_set(error, ERROR_REFUSED, "%s is not a regular file",
			leaf);
	else if (status.st_nlink > 1)
		error_set(error, ERROR_REFUSED, "%s has more than one name",
			leaf);
	else if (status.st_uid != geteuid())
		error_set(error, ERROR_REFUSED, "%s belongs to another user",
			leaf);
	else
		return fd;
	file_close(&fd);
	return -1;
}

int
mbox_calls_get(struct format_mbox *format, struct error *error)
{
	pthread_mutex_lock(&format->lock);
	int result = 0;
	if (!format->has_calls) {
		result = files_calls_open(format->location.state,
			&format->calls, error);
		format->has_calls = result == 0;
	}
	pthread_mutex_unlock(&format->lock);
	return result;
}

/* Who the open file is. */
static int
identify(struct format_folder *folder, struct error *error)
{
	struct stat status;
	struct mbox_file *file = &folder->file;
	file->calls = &folder->format->calls;
	if (fstat(file->fd, &status) < 0)
		return error_set_errno(error, "looking at %s", folder->path);
	file->device = (uint64_t)status.st_dev;
	file->inode = (uint64_t)status.st_ino;
	if (folder->format->identity != 0) {
		file->device = 1;
		file->inode = folder->format->identity;
	}
	return 0;
}

int
mbox_folder_stamp(const struct format_folder *folder,
	struct mbox_stamp *stamp, struct error *error)
{
	struct stat status;
	*stamp = (struct mbox_stamp){ .inode = 0 };
	if (folder->file.fd < 0)
		return 0;
	if (fstat(folder->file.fd, &status) < 0)
		return error_set_errno(error, "looking at %s", folder->path);
	*stamp = (struct mbox_stamp){ (uint64_t)status.st_dev,
		(uint64_t)status.st_ino, (uint64_t)status.st_size,
		status.st_mtim.tv_sec, status.st_mtim.tv_nsec };
	return 0;
}

/* Others replace the file: what is open must be what the name stands for. */
static int
refresh(struct format_folder *folder, struct error *error)
{
	struct stat now, open;
	if (folder->is_given)
		return identify(folder, error);
	bool is_there = folder->directory >= 0 && fstatat(folder->directory,
		folder->leaf, &now, AT_SYMLINK_NOFOLLOW) == 0;
	if (folder->file.fd >= 0 && is_there &&
		fstat(folder->file.fd, &open) == 0 &&
		open.st_ino == now.st_ino && open.st_dev == now.st_dev &&
		now.st_nlink == 1 && now.st_uid == geteuid())
		return identify(folder, error);
	file_close(&folder->file.fd);
	if (!is_there && folder->is_inbox)
		return 0;
	if (!is_there)
		return error_set(error, ERROR_GONE, "mailbox %s is not there",
			folder->path);
	folder->file.fd = mbox_file_open(folder->directory, folder->leaf, 0,
		error);
	return folder->file.fd < 0 ? -1 : identify(folder, error);
}

/* The directory of INBOX below the root is made when it is needed. */
static int
find_directory(struct format_folder *folder, struct error *error)
{
	const struct format_mbox *format = folder->format;
	if (folder->is_given || folder->directory >= 0)
		return 0;
	if (format->location.inbox != NULL)
		return error_set(error, ERROR_GONE,
			"the directory of %s is not there", folder->path);
	if (mkdir(format->location.root, 0700) < 0 && errno != EEXIST)
		return error_set_errno(error, "making %s",
			format->location.root);
	folder->directory = mbox_root_open(format, error);
	return folder->directory < 0 ? -1 : 0;
}

/* ---- locking ---- */

/* 1, 0 when another has it. */
static int
take_descriptor(int fd, struct error *error)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 1;
	if (errno == EAGAIN || errno == EACCES || errno == EINTR)
		return 0;
	return error_set_errno(error, "locking a mailbox");
}

static void
give_descriptor(int fd)
{
	struct flock lock = { .l_type = F_UNLCK, .l_whence = SEEK_SET };
	if (fd >= 0)
		fcntl(fd, F_OFD_SETLK, &lock);
}

static bool
is_hooked(const struct format_folder *folder)
{
	return folder->is_inbox && folder->format->location.lock != NULL;
}

static int
take_dotlock(struct format_folder *folder, int64_t deadline,
	struct error *error)
{
	const struct format_location *location = &folder->format->location;
	if (!is_hooked(folder))
		return folder->is_given ? 1 :
			dotlock_take(folder->directory, folder->leaf, error);
	int64_t soon = clock_monotonic() + HOOK_WAIT;
	if (location->lock(location->context, soon < deadline ? soon :
			deadline, error) == 0)
		return 1;
	return error->code == ERROR_LATER || error->code == ERROR_TIMEOUT ?
		0 : -1;
}

static void
give_dotlock(struct format_folder *folder)
{
	const struct format_location *location = &folder->format->location;
	if (!folder->has_dotlock)
		return;
	folder->has_dotlock = false;
	if (is_hooked(folder))
		location->unlock(location->context);
	else if (!folder->is_given)
		dotlock_give(folder->directory, folder->leaf);
}

/* All of them, or 0 and none. */
static int
try_locks(struct format_folder *folder, int64_t deadline, struct error *error)
{
	int result = find_directory(folder, error);
	if (result == 0)
		result = take_dotlock(folder, deadline, error);
	if (result <= 0)
		return result;
	folder->has_dotlock = true;
	result = refresh(folder, error);
	if (result == 0)
		result = folder->file.fd < 0 ? 1 :
			take_descriptor(folder->file.fd, error);
	if (result <= 0)
		give_dotlock(folder);
	return result;
}

static void
give_turn(struct format_folder *folder)
{
	if (folder->is_inbox)
		atomic_store(&folder->format->is_inbox_busy, false);
}

/* What a crash has left is finished before anybody looks. */
static int
recover(struct format_folder *folder, struct error *error)
{
	if (folder->file.fd < 0)
		return 0;
	if (mbox_intent_recover(&folder->file, error) < 0 ||
		mbox_tail_check(&folder->format->marks, &folder->file,
			error) < 0)
		return error_wrap(error, "%s", folder->path);
	return 0;
}

int
mbox_folder_lock(struct format_folder *folder, int64_t deadline,
	struct error *error)
{
	int wait = WAIT_LEAST;
	if (mbox_calls_get(folder->format, error) < 0)
		return -1;
	for (;;) {
		bool has_turn = !folder->is_inbox || !atomic_exchange(
			&folder->format->is_inbox_busy, true);
		int result = has_turn ? try_locks(folder, deadline, error) : 0;
		if (result > 0)
			break;
		if (has_turn)
			give_turn(folder);
		if (result < 0)
			return -1;
		int left = clock_until(deadline);
		if (left == 0)
			return error_set(error, ERROR_LATER,
				"another program has %s locked", folder->path);
		int pause = wait < left ? wait : left;
		nanosleep(&(struct timespec){ .tv_nsec = pause * 1000000 },
			NULL);
		wait = wait * 2 < WAIT_MOST ? wait * 2 : WAIT_MOST;
	}
	folder->is_locked = true;
	if (recover(folder, error) == 0)
		return 0;
	mbox_folder_unlock(folder);
	return -1;
}

void
mbox_folder_unlock(struct format_folder *folder)
{
	if (!folder->is_locked)
		return;
	folder->is_locked = false;
	give_descriptor(folder->file.fd);
	give_dotlock(folder);
	give_turn(folder);
}

int
mbox_folder_make(struct format_folder *folder, struct error *error)
{
	if (folder->file.fd >= 0)
		return 0;
	folder->file.fd = mbox_file_open(folder->directory, folder->leaf,
		O_CREAT | O_EXCL, error);
	if (folder->file.fd < 0 ||
		file_sync_directory(folder->directory, error) < 0 ||
		identify(folder, error) < 0)
		return -1;
	int result = take_descriptor(folder->file.fd, error);
	return result == 0 ? error_set(error, ERROR_LATER,
		"another program has %s locked", folder->path) :
		result < 0 ? -1 : 0;
}
