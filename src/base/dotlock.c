/* See dotlock.h. */
#include "base/dotlock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

/* The process id in the file, 0 when it says none. */
static pid_t
read_maker(int fd)
{
	char text[32] = { 0 };
	uint64_t number;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	struct span word, rest = span_of(text, n > 0 ? (size_t)n : 0);
	if (!span_word(&rest, &word) || !span_to_number(word, INT32_MAX, &number))
		return 0;
	return (pid_t)number;
}

static bool
is_stale(int fd, const struct stat *status)
{
	pid_t maker = read_maker(fd);
	if (maker > 0 && kill(maker, 0) < 0 && errno == ESRCH)
		return true;
	/* In a jail nobody can be seen: then age alone counts. */
	bool is_seen = maker > 0 && kill(maker, 0) == 0;
	return !is_seen && time(NULL) - status->st_mtime > DOTLOCK_STALE;
}

/* Removes a stale one; true when it is worth trying again. */
static bool
break_stale(int directory, const char *lock)
{
	struct stat status, now;
	int fd = openat(directory, lock,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT;
	bool is_broken = fstat(fd, &status) == 0 && is_stale(fd, &status) &&
		fstatat(directory, lock, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
		now.st_ino == status.st_ino && now.st_dev == status.st_dev &&
		unlinkat(directory, lock, 0) == 0;
	file_close(&fd);
	return is_broken;
}

static int
make(int directory, const char *lock)
{
	char text[32];
	int fd = openat(directory, lock, O_WRONLY | O_CREAT | O_EXCL |
		O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	int size = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	/* A full disk leaves it empty: it counts by its age then. */
	ssize_t ignored = write(fd, text, (size_t)size);
	(void)ignored;
	file_close(&fd);
	return 0;
}

int
dotlock_take(int directory, const char *name, struct error *error)
{
	char lock[DOTLOCK_NAME_SIZE];
	int size = snprintf(lock, sizeof(lock), "%s.lock", name);
	if (size < 0 || size >= (int)sizeof(lock))
		return error_set(error, ERROR_REFUSED,
			"the name of a mailbox is too long to be locked");
	for (int i = 0; i < 2; i++) {
		if (make(directory, lock) == 0)
			return 1;
		if (errno == EACCES || errno == EPERM || errno == EROFS)
			return error_set(error, ERROR_REFUSED,
				"making %s: %s", lock, strerror(errno));
		if (errno != EEXIST)
			return error_set_errno(error, "making %s", lock);
		if (!break_stale(directory, lock))
			return 0;
	}
	return 0;
}

void
dotlock_give(int directory, const char *name)
{
	char lock[DOTLOCK_NAME_SIZE];
	int size = snprintf(lock, sizeof(lock), "%s.lock", name);
	if (size > 0 && size < (int)sizeof(lock))
		unlinkat(directory, lock, 0);
}
