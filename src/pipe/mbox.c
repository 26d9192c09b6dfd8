/*
 * Appending to an mbox that other programs use too: with their locks, a dotlock
 * and fcntl, and whole or not at all.
 */
#include "pipe/mbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/dotlock.h"
#include "base/file.h"
#include "pipe/content.h"

enum {
	LOCK_PAUSE = 50,		/* ms between looks at a lock */
	PATH_SIZE = 4096,
	NULL_MAJOR = 1, NULL_MINOR = 3,
};

/* ---- locks ---- */

static void
pause_for(int ms)
{
	poll(NULL, 0, ms);
}

/* 1: made; 0: this directory is not ours to make one in, where fcntl must do;
 * -1: somebody else's stays. */
static int
dotlock_wait(int directory, const char *path, const char *name,
	int64_t deadline, struct error *error)
{
	for (;;) {
		int taken = dotlock_take(directory, name, error);
		if (taken < 0)
			return error->code == ERROR_REFUSED ? 0 : -1;
		if (taken == 1)
			return 1;
		if (clock_monotonic() >= deadline)
			return error_set(error, ERROR_LATER,
				"%s.lock is there: another program has the file",
				path);
		pause_for(LOCK_PAUSE);
	}
}

/* Of the open file, not of this process: two of our threads exclude each
 * other, and other programs' fcntl locks count. */
static int
lock_file(int fd, const char *path, int64_t deadline, struct error *error)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	while (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return error_set_errno(error, "locking %s", path);
		if (clock_monotonic() >= deadline)
			return error_set(error, ERROR_LATER,
				"%s is locked by another program", path);
		pause_for(LOCK_PAUSE);
	}
	return 0;
}

/* ---- the file ---- */

static int
check_file(int fd, const char *path, bool *is_null, struct error *error)
{
	struct stat status;
	if (fstat(fd, &status) < 0)
		return error_set_errno(error, "looking at %s", path);
	*is_null = S_ISCHR(status.st_mode) &&
		status.st_rdev == makedev(NULL_MAJOR, NULL_MINOR);
	if (*is_null)
		return 0;
	if (!S_ISREG(status.st_mode))
		return error_set(error, ERROR_REFUSED,
			"%s is neither a file nor /dev/null", path);
	return status.st_nlink == 1 ? 0 : error_set(error, ERROR_REFUSED,
		"%s has %u names", path, (unsigned)status.st_nlink);
}

/* A message begins behind an empty line. */
static int
end_last(int fd, off_t size, const char *path, struct error *error)
{
	char last[2] = { '\n', '\n' };
	if (size >= 2 && pread(fd, last, 2, size - 2) != 2)
		return error_set_errno(error, "reading %s", path);
	if (size == 0 || (last[0] == '\n' && last[1] == '\n'))
		return 0;
	return file_write_all(fd, last[1] == '\n' ? SPAN("\n") : SPAN("\n\n"),
		error);
}

static int
append(const struct pipe_delivery *delivery, const char *path, int fd,
	int64_t now, struct error *error)
{
	off_t size = lseek(fd, 0, SEEK_END);
	if (size < 0)
		return error_set_errno(error, "reading %s", path);
	if (end_last(fd, size, path, error) == 0 &&
		content_write(delivery, CONTENT_MBOX, now, fd, error) == 0 &&
		file_sync_all(fd, error) == 0)
		return 0;
	/* half a message is worse than none */
	if (ftruncate(fd, size) < 0)
		return error_wrap(error, "%s could not be cut back to %lld "
			"bytes after", path, (long long)size);
	return error_wrap(error, "%s", path);
}

static int
append_locked(const struct pipe_delivery *delivery, const char *path,
	int64_t now, struct error *error)
{
	bool is_null = false;
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW |
		O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	if (fd < 0 && errno == ELOOP)
		return error_set(error, ERROR_REFUSED, "%s is a symbolic link",
			path);
	if (fd < 0)
		return error_set_errno(error, "opening %s", path);
	int result = check_file(fd, path, &is_null, error);
	if (result == 0 && !is_null)
		result = lock_file(fd, path, clock_monotonic() +
			PIPE_LOCK_WAIT, error);
	if (result == 0 && !is_null)
		result = append(delivery, path, fd, now, error);
	file_close(&fd);
	return result;
}

/* The directory that the file is in, for its dotlock; *name: its name there. */
static int
open_directory(const char *path, const char **name, struct error *error)
{
	char directory[PATH_SIZE];
	const char *slash = strrchr(path, '/');
	size_t size = slash == NULL ? 0 : (size_t)(slash - path);
	if (size >= sizeof(directory))
		return error_set(error, ERROR_REFUSED, "the path is too long");
	*name = slash == NULL ? path : slash + 1;
	snprintf(directory, sizeof(directory), "%.*s%s", (int)size, path,
		slash == NULL ? "." : size == 0 ? "/" : "");
	int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : error_set_errno(error, "opening %s", directory);
}

int
mbox_append(const struct pipe_delivery *delivery, const char *path,
	int64_t now, struct error *error)
{
	const char *name;
	int directory = open_directory(path, &name, error);
	if (directory < 0)
		return -1;
	int has_lock = dotlock_wait(directory, path, name, clock_monotonic() +
		PIPE_LOCK_WAIT, error);
	int result = has_lock < 0 ? -1 :
		append_locked(delivery, path, now, error);
	if (has_lock == 1)
		dotlock_give(directory, name);
	file_close(&directory);
	return result;
}
