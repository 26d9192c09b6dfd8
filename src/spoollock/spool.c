#include "spoollock/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dotlock.h"
#include "base/file.h"

/* Whether it is to be believed with mail, seen without opening it. */
static int
check(const struct spool *spool, const char *name, uid_t owner,
	struct error *error)
{
	struct stat status;
	if (fstatat(spool->directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return error_set_errno(error, "looking at %s", name);
	if (!S_ISREG(status.st_mode))
		return error_set(error, ERROR_REFUSED,
			"%s is not a regular file", name);
	if (status.st_uid != owner)
		return error_set(error, ERROR_REFUSED,
			"%s belongs to uid %u", name, (unsigned)status.st_uid);
	return 0;
}

/* It has no bytes and no other name: nothing can happen to it before it is the
 * owner's. */
static int
make(const struct spool *spool, const char *name, uid_t owner,
	struct error *error)
{
	int fd = openat(spool->directory, name, O_WRONLY | O_CREAT | O_EXCL |
		O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == EEXIST ? 0 :
			error_set_errno(error, "making %s", name);
	int result = !spool->may_give ? 0 :
		fchown(fd, owner, spool->group);
	if (result == 0)
		result = fsync(spool->directory);
	if (result < 0) {
		error_set_errno(error, "giving %s to uid %u", name,
			(unsigned)owner);
		unlinkat(spool->directory, name, 0);
	}
	file_close(&fd);
	return result;
}

int
spool_lock(const struct spool *spool, const char *name, uid_t owner,
	struct error *error)
{
	int result = dotlock_take(spool->directory, name, error);
	if (result <= 0)
		return result;
	if (make(spool, name, owner, error) == 0 &&
		check(spool, name, owner, error) == 0)
		return 1;
	dotlock_give(spool->directory, name);
	return -1;
}

void
spool_unlock(const struct spool *spool, const char *name)
{
	dotlock_give(spool->directory, name);
}
