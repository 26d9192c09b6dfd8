#include "ctl/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/owner.h"
#include "ctl/programs.h"

/* ---- users ---- */

static int
add_user(const char *name, struct error *error)
{
	int status = 0;
	pid_t child = fork();
	if (child < 0)
		return error_set_errno(error, "starting useradd");
	if (child == 0) {
		execl("/usr/sbin/useradd", "useradd", "--system",
			"--user-group", "--no-create-home", "--home-dir",
			"/nonexistent", "--shell", "/usr/sbin/nologin",
			"--comment", "Posthouse", name, NULL);
		_exit(127);
	}
	if (waitpid(child, &status, 0) < 0 || !WIFEXITED(status) ||
	    WEXITSTATUS(status) != 0)
		return error_set(error, ERROR_SYSTEM,
			"useradd could not make the system user %s", name);
	return 0;
}

static const char drop_group[] = "posthouse-drop";

static int
ensure_group(const char *name, struct error *error)
{
	int status = 0;
	if (getgrnam(name) != NULL)
		return 0;
	pid_t child = fork();
	if (child == 0) {
		execl("/usr/sbin/groupadd", "groupadd", "--system", name, NULL);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0 ||
	    !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return error_set(error, ERROR_SYSTEM,
			"groupadd could not make the group %s", name);
	return 0;
}

/* Calls `each` with the name and user of every program row of etc/services. */
static int
each_program(int (*each)(const char *user, struct error *error),
	struct error *error)
{
	char path[4096], user[64];
	struct buffer bytes;
	struct span rest, line, word, name;
	if (programs_services(path, sizeof(path), error) < 0)
		return -1;
	buffer_init(&bytes, 0);
	int result = file_read_whole(AT_FDCWD, path, 1 << 20, &bytes, error);
	rest = buffer_span(&bytes);
	while (result == 0 && span_split(&rest, '\n', &line)) {
		if (!span_word(&line, &word) ||
		    !span_equals(word, SPAN("program")) ||
		    !span_word(&line, &name) || !span_word(&line, &word))
			continue;
		snprintf(user, sizeof(user), "%.*s", SPAN_PRINT(word));
		result = each(user, error);
	}
	buffer_fini(&bytes);
	return result;
}

/* "(owner)" is whoever's a process on demand is. */
static int
ensure_user(const char *user, struct error *error)
{
	return user[0] == '(' || getpwnam(user) != NULL ? 0 :
		add_user(user, error);
}

int
prepare_users(struct error *error)
{
	if (geteuid() != 0)
		return 0;
	return each_program(ensure_user, error) < 0 ? -1 :
		ensure_user(OWNER_FOR_ROOT, error);
}

/* ---- directories ---- */

static int
give_to(const char *path, const char *user, unsigned mode, struct error *error)
{
	if (geteuid() == 0 && user != NULL) {
		const struct passwd *owner = getpwnam(user);
		if (owner == NULL)
			return error_set(error, ERROR_USAGE, "the system user "
				"%s does not exist: run `posthouse init`", user);
		if (chown(path, owner->pw_uid, owner->pw_gid) < 0)
			return error_set_errno(error, "giving %s to %s", path,
				user);
	}
	if (chmod(path, (mode_t)mode) < 0)
		return error_set_errno(error, "setting the mode of %s", path);
	return 0;
}

static int
make_directory(const char *path, const char *user, unsigned mode,
	struct error *error)
{
	struct stat status;
	if (file_make_directories(path, mode, error) < 0)
		return -1;
	if (stat(path, &status) < 0)
		return error_set_errno(error, "looking at %s", path);
	if (!S_ISDIR(status.st_mode))
		return error_set(error, ERROR_USAGE,
			"%s: found a file, expected a directory", path);
	return give_to(path, user, mode, error);
}

/* One directory of Posthouse's own: below `parent`, or itself. */
struct directory {
	const char *parameter, *name, *user;
	unsigned mode;
};

static const struct directory directories[] = {
	{ "data_directory", "", NULL, 0755 },
	{ "data_directory", "/empty", NULL, 0755 },
	{ "data_directory", "/log", NULL, 0755 },
	{ "data_directory", "/tls", NULL, 0755 },
	{ "data_directory", "/auth", "posthouse-auth", 0700 },
	{ "data_directory", "/mail", "posthouse-mail", 0700 },
	/* One folder for each system user in it, made when he needs it. */
	{ "data_directory", "/users", NULL, 0755 },
	{ "data_directory", "/spill", NULL, 0755 },
	{ "data_directory", "/spill/smtpd", "posthouse-smtpd", 0700 },
	{ "data_directory", "/spill/relay", "posthouse-relay", 0700 },
	/* Searched by sendmail on its way to drop. */
	{ "queue_directory", "", "posthouse-queue", 0711 },
	{ "runtime_directory", "", NULL, 0755 },
};

/* Where sendmail leaves messages while the system is down: its group may make
 * files there, but see none; each file is its maker's alone to remove. */
static int
make_drop_folder(const struct config *config, struct error *error)
{
	char path[4096];
	const struct group *group = geteuid() == 0 ? getgrnam(drop_group) :
		NULL;
	int size = snprintf(path, sizeof(path), "%s/drop",
		config_text(config, "queue_directory"));
	if ((size_t)size >= sizeof(path))
		return error_set(error, ERROR_USAGE,
			"queue_directory: the path is too long");
	if (make_directory(path, "posthouse-queue", 01730, error) < 0)
		return error_wrap(error, "queue_directory");
	if (group != NULL && (chown(path, (uid_t)-1, group->gr_gid) < 0 ||
	    chmod(path, 01730) < 0))
		return error_set_errno(error, "giving %s to the group %s",
			path, drop_group);
	return 0;
}

int
prepare_directories(const struct config *config, struct error *error)
{
	char path[4096];
	size_t count = sizeof(directories) / sizeof(directories[0]);
	if (geteuid() == 0 && ensure_group(drop_group, error) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const struct directory *row = &directories[i];
		int size = snprintf(path, sizeof(path), "%s%s",
			config_text(config, row->parameter), row->name);
		if (size < 2 || (size_t)size >= sizeof(path) || path[0] != '/')
			return error_set(error, ERROR_USAGE, "%s: found "
				"\"%.200s\", expected an absolute path",
				row->parameter,
				config_text(config, row->parameter));
		if (make_directory(path, row->user, row->mode, error) < 0)
			return error_wrap(error, "%s", row->parameter);
	}
	return make_drop_folder(config, error);
}
