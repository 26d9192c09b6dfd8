/* Who a uid is; see owner.h. */
#include "base/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/span.h"

enum { NOBODYS_GROUP = 65534 };

/* Names become parts of paths (/var/mail/NAME): what could lead elsewhere is
 * no name. */
static bool
is_name(const char *name)
{
	if (name[0] == '\0' || name[0] == '.' || name[0] == '-')
		return false;
	for (const char *c = name; *c != '\0'; c++)
		if (*c == '/' || *c == ':' || (unsigned char)*c <= ' ' ||
		    *c == 127)
			return false;
	return true;
}

/* Group mail may change everybody's mail in /var/mail, group root much more:
 * whoever has one of them for his own gets a group that has nothing. */
static uint32_t
harmless_group(gid_t gid)
{
	const struct group *mail = getgrnam("mail");
	if (gid == 0 || (mail != NULL && mail->gr_gid == gid))
		return NOBODYS_GROUP;
	return gid;
}

static int
copy(char *out, size_t size, const char *value, const char *what,
	struct error *error)
{
	if (strlen(value) >= size)
		return error_set(error, ERROR_USAGE, "the %s is too long", what);
	memcpy(out, value, strlen(value) + 1);
	return 0;
}

static int
look_up(uint32_t uid, struct owner *owner, struct error *error)
{
	errno = 0;
	const struct passwd *user = getpwuid(uid);
	if (user == NULL)
		return error_set(error, ERROR_GONE,
			"no system user has the uid %u", uid);
	if (!is_name(user->pw_name))
		return error_set(error, ERROR_REFUSED, "the name of the system "
			"user with the uid %u could be a path", uid);
	owner->uid = user->pw_uid;
	owner->gid = harmless_group(user->pw_gid);
	if (copy(owner->name, sizeof(owner->name), user->pw_name, "user's name",
	    error) < 0 || copy(owner->user, sizeof(owner->user), user->pw_name,
	    "user's name", error) < 0)
		return -1;
	return copy(owner->home, sizeof(owner->home), user->pw_dir[0] == '/' ?
		user->pw_dir : "/nonexistent", "home directory", error);
}

/* Nothing that strangers' mail passes through runs as root. */
static int
stand_in_for_root(struct owner *owner, struct error *error)
{
	const struct passwd *user = getpwnam(OWNER_FOR_ROOT);
	if (user == NULL || user->pw_uid == 0)
		return error_set(error, ERROR_USAGE, "the system user %s does "
			"not exist: run `posthouse init` as root",
			OWNER_FOR_ROOT);
	owner->uid = user->pw_uid;
	owner->gid = harmless_group(user->pw_gid);
	return copy(owner->user, sizeof(owner->user), OWNER_FOR_ROOT,
		"user's name", error);
}

int
owner_find(uint32_t uid, uint64_t first_valid, struct owner *owner,
	struct error *error)
{
	memset(owner, 0, sizeof(*owner));
	if (geteuid() != 0 && geteuid() != uid)
		return error_set(error, ERROR_REFUSED, "only root starts "
			"processes of other users");
	if (uid != 0 && uid < first_valid && geteuid() == 0)
		return error_set(error, ERROR_REFUSED, "the uid %u is below "
			"first_valid_uid", uid);
	if (look_up(uid, owner, error) < 0)
		return -1;
	return uid == 0 ? stand_in_for_root(owner, error) : 0;
}

int
owner_of_program(const char *user, uid_t *uid, gid_t *gid,
	struct error *error)
{
	*uid = geteuid();
	*gid = getegid();
	if (*uid != 0 || strcmp(user, "root") == 0)
		return 0;
	const struct passwd *row = getpwnam(user);
	if (row == NULL)
		return error_set(error, ERROR_USAGE, "the system user %s does "
			"not exist: run `posthouse init` as root", user);
	if (row->pw_uid == 0 || row->pw_gid == 0)
		return error_set(error, ERROR_USAGE,
			"the system user %s is root", user);
	*uid = row->pw_uid;
	*gid = row->pw_gid;
	return 0;
}

static int
give(int fd, const char *path, const struct owner *owner, struct error *error)
{
	struct stat status;
	if (fstat(fd, &status) < 0)
		return error_set_errno(error, "looking at %s", path);
	if (status.st_uid == owner->uid)
		return 0;
	/* made just now, and not yet given: nobody else makes any here */
	if (status.st_uid != geteuid())
		return error_set(error, ERROR_REFUSED, "%s belongs to the uid "
			"%u, expected %u", path, (unsigned)status.st_uid,
			owner->uid);
	if (fchown(fd, owner->uid, owner->gid) < 0)
		return error_set_errno(error, "giving %s to %s", path,
			owner->user);
	return 0;
}

int
owner_make_directory(const char *data_directory, uint32_t uid,
	const struct owner *owner, struct error *error)
{
	char path[4096];
	int size = snprintf(path, sizeof(path), "%s/users/%u", data_directory,
		uid);
	if (size < 0 || (size_t)size >= sizeof(path))
		return error_set(error, ERROR_USAGE,
			"data_directory: the path is too long");
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_set_errno(error, "making %s", path);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(error, "opening %s", path);
	int result = give(fd, path, owner, error);
	file_close(&fd);
	return result;
}
