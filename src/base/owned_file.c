/* See owned_file.h. */
#include "base/owned_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"

static int
check(int fd, const char *path, uid_t owner, struct error *error)
{
	struct stat status;
	if (fstat(fd, &status) < 0)
		return error_set_errno(error, "looking at %s", path);
	if (!S_ISREG(status.st_mode))
		return error_set(error, ERROR_USAGE, "found that %s is no "
			"file, expected a file", path);
	if (status.st_uid != 0 && status.st_uid != owner)
		return error_set(error, ERROR_USAGE, "found that %s belongs to "
			"uid %u, expected root or uid %u", path,
			(unsigned)status.st_uid, (unsigned)owner);
	if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return error_set(error, ERROR_USAGE, "found that %s may be "
			"written by others (mode %03o), expected its owner "
			"alone", path, (unsigned)status.st_mode & 0777);
	return 0;
}

static int
open_without_links(int directory, const char *path, uint64_t resolve,
	struct error *error)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
			O_NOFOLLOW, .resolve = resolve };
	int fd = (int)syscall(SYS_openat2, directory, path, &how,
		sizeof(how));
	if (fd < 0 && errno == ELOOP)
		return error_set(error, ERROR_USAGE, "found a symbolic link "
			"in %s, expected a path without", path);
	if (fd < 0)
		return error_set_errno(error, "opening %s", path);
	return fd;
}

static int
judge(int fd, const char *path, uid_t owner, struct error *error)
{
	if (fd >= 0 && check(fd, path, owner, error) < 0)
		file_close(&fd);
	return fd;
}

int
owned_file_open(const char *path, uid_t owner, struct error *error)
{
	return judge(open_without_links(AT_FDCWD, path, RESOLVE_NO_SYMLINKS,
		error), path, owner, error);
}

int
owned_file_open_at(int directory, const char *name, uid_t owner,
	struct error *error)
{
	return judge(open_without_links(directory, name, RESOLVE_BENEATH |
		RESOLVE_NO_SYMLINKS, error), name, owner, error);
}
