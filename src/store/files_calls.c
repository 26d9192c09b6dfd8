/*
 * The system calls of the engine `files`, straight. Every path is opened from
 * the root's descriptor, so a process can be jailed after the engine is open.
 */
#include "store/files_calls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

struct root {
	int fd;
};

static int
root_of(void *context)
{
	return ((struct root *)context)->fd;
}

static int
real_open(void *context, const char *path, int flags)
{
	return openat(root_of(context), path,
		flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static int
real_lock(void *context, int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct stat status;
	(void)context;
	if (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
		if (errno == EACCES)
			errno = EAGAIN;
		return -1;
	}
	if (fstat(fd, &status) < 0)
		return -1;
	if (status.st_nlink == 0) {
		errno = ESTALE;
		return -1;
	}
	return 0;
}

static ssize_t
real_write(void *context, int fd, const struct iovec *piece, int count,
	uint64_t offset)
{
	(void)context;
	return pwritev(fd, piece, count, (off_t)offset);
}

static int
real_truncate(void *context, int fd, uint64_t size)
{
	(void)context;
	return ftruncate(fd, (off_t)size);
}

static int
real_allocate(void *context, int fd, uint64_t size)
{
	(void)context;
	return fallocate(fd, 0, 0, (off_t)size);
}

static int
real_sync(void *context, int fd, enum files_sync site, struct error *error)
{
	(void)context;
	(void)site;
	return file_sync_data(fd, error);
}

static int
real_directory(void *context, const char *path)
{
	return openat(root_of(context), path,
		O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static int
real_sync_directory(void *context, const char *path, enum files_sync site,
	struct error *error)
{
	(void)site;
	int fd = real_directory(context, path);
	if (fd < 0)
		return error_set_errno(error, "opening directory %s", path);
	int result = file_sync_directory(fd, error);
	file_close(&fd);
	return result;
}

static int
real_sync_all(void *context, enum files_sync site, struct error *error)
{
	(void)site;
	return file_sync_all(root_of(context), error);
}

static void
real_close(void *context, int fd)
{
	(void)context;
	close(fd);
}

static int
real_make_directory(void *context, const char *path)
{
	return mkdirat(root_of(context), path, 0700);
}

static int
real_rename(void *context, const char *from, const char *to)
{
	return renameat(root_of(context), from, root_of(context), to);
}

static int
real_unlink(void *context, const char *path)
{
	return unlinkat(root_of(context), path, 0);
}

static int
real_remove_directory(void *context, const char *path)
{
	return unlinkat(root_of(context), path, AT_REMOVEDIR);
}

static int
real_list(void *context, const char *path, files_name *name,
	void *name_context)
{
	int fd = real_directory(context, path);
	if (fd < 0)
		return -1;
	DIR *directory = fdopendir(fd);
	if (directory == NULL) {
		file_close(&fd);
		return -1;
	}
	struct dirent *entry;
	errno = 0;
	while ((entry = readdir(directory)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 &&
			strcmp(entry->d_name, "..") != 0)
			name(name_context, entry->d_name);
		errno = 0;
	}
	int number = errno;
	closedir(directory);
	errno = number;
	return number == 0 ? 0 : -1;
}

static uint64_t
real_room(void *context)
{
	struct statvfs status;
	if (fstatvfs(root_of(context), &status) < 0)
		return UINT64_MAX;	/* the write itself will tell */
	return (uint64_t)status.f_bavail * status.f_frsize;
}

static void
real_end(void *context)
{
	struct root *root = context;
	file_close(&root->fd);
	memory_free(root);
}

int
files_calls_open(const char *path, struct files_calls *calls,
	struct error *error)
{
	if (file_make_directories(path, 0700, error) < 0)
		return -1;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(error, "opening directory %s", path);
	struct root *root = memory_new(sizeof(*root));
	root->fd = fd;
	*calls = (struct files_calls){ root, real_open, real_lock, real_write,
		real_truncate, real_allocate, real_sync, real_sync_directory,
		real_sync_all, real_close, real_make_directory, real_rename, real_unlink,
		real_remove_directory, real_list, real_directory, real_room,
		real_end };
	return 0;
}
