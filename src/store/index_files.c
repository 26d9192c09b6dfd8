/*
 * SQLite's own unix VFS with the six system calls that take a path replaced:
 * "/@directory/N/name" means name in the directory that descriptor N is. All
 * other paths go where they always went.
 */
#include "store/index_files.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/span.h"

static const char prefix[] = "/@directory/";

/* False for another path. *name is NULL for the directory itself and above. */
static bool
is_ours(const char *path, int *directory, const char **name)
{
	uint64_t number;
	if (strncmp(path, prefix, sizeof(prefix) - 2) != 0)
		return false;
	*name = NULL;
	if (strncmp(path, prefix, sizeof(prefix) - 1) != 0)
		return true;
	const char *digits = path + sizeof(prefix) - 1;
	const char *slash = strchr(digits, '/');
	if (slash == NULL ||
	    !span_to_number(span_of(digits, (size_t)(slash - digits)), INT32_MAX,
	    &number))
		return true;
	*directory = (int)number;
	*name = slash + 1;
	return true;
}

static int
not_there(void)
{
	errno = ENOENT;
	return -1;
}

static int
open_file(const char *path, int flags, int mode)
{
	int directory;
	const char *name;
	if (!is_ours(path, &directory, &name))
		return open(path, flags | O_CLOEXEC, (mode_t)mode);
	return name == NULL ? not_there() : openat(directory, name,
		flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static int
access_file(const char *path, int mode)
{
	int directory;
	const char *name;
	if (!is_ours(path, &directory, &name))
		return access(path, mode);
	return name == NULL ? not_there() : faccessat(directory, name, mode, 0);
}

static int
stat_file(const char *path, struct stat *status)
{
	int directory;
	const char *name;
	if (!is_ours(path, &directory, &name))
		return stat(path, status);
	return name == NULL ? not_there() :
		fstatat(directory, name, status, AT_SYMLINK_NOFOLLOW);
}

static int
stat_link(const char *path, struct stat *status)
{
	int directory;
	const char *name;
	if (!is_ours(path, &directory, &name))
		return lstat(path, status);
	return name == NULL ? not_there() :
		fstatat(directory, name, status, AT_SYMLINK_NOFOLLOW);
}

static int
unlink_file(const char *path)
{
	int directory;
	const char *name;
	if (!is_ours(path, &directory, &name))
		return unlink(path);
	return name == NULL ? not_there() : unlinkat(directory, name, 0);
}

/* Only asked to sync a directory after a journal came or went; the index is
 * derived, and a lost name is a lost index. */
static int
open_directory(const char *path, int *fd)
{
	int directory;
	const char *name;
	*fd = -1;
	if (is_ours(path, &directory, &name))
		return SQLITE_CANTOPEN;
	char parent[4096];
	snprintf(parent, sizeof(parent), "%s", path);
	char *slash = strrchr(parent, '/');
	if (slash != NULL)
		slash[slash == parent] = '\0';
	*fd = open(slash == NULL ? "." : parent,
		O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *fd >= 0 ? SQLITE_OK : SQLITE_CANTOPEN;
}

static void
teach(void)
{
	static const struct {
		const char *name;
		sqlite3_syscall_ptr call;
	} calls[] = {
		{ "open", (sqlite3_syscall_ptr)open_file },
		{ "access", (sqlite3_syscall_ptr)access_file },
		{ "stat", (sqlite3_syscall_ptr)stat_file },
		{ "lstat", (sqlite3_syscall_ptr)stat_link },
		{ "unlink", (sqlite3_syscall_ptr)unlink_file },
		{ "openDirectory", (sqlite3_syscall_ptr)open_directory },
	};
	sqlite3_initialize();
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		vfs->xSetSystemCall(vfs, calls[i].name, calls[i].call);
}

void
index_files_path(int directory, const char *name, char *out, size_t size)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, teach);
	snprintf(out, size, "%s%d/%s", prefix, directory, name);
}
