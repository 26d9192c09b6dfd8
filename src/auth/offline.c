/*
 * auth started by the command instead of master: it reads the configuration
 * blob on CONFIG-FD, becomes the owner of $data_directory/auth (so that no file
 * there ever belongs to root), opens the accounts, and answers the lines of
 * auth-admin on WIRE-FD until the command closes it. What goes wrong is told as
 * the answer to the command's request. With a running system the database is
 * locked and the answer says so.
 */
#include "auth/offline.h"

#include <fcntl.h>
#include <grp.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/auth.h"
#include "auth/wire.h"
#include "base/file.h"
#include "base/log.h"
#include "serve/counter.h"

/*
 * For good: real, effective and saved ids. The current directory becomes the
 * root, because its owner need not be able to walk there.
 */
static int
become_owner(const struct stat *status, struct error *error)
{
	if (geteuid() != 0)
		return 0;
	if (status->st_uid == 0)
		return error_set(error, ERROR_REFUSED, "the directory of the "
			"accounts belongs to root; run `posthouse init` first");
	if (chroot(".") != 0 || setgroups(0, NULL) != 0 ||
		setresgid(status->st_gid, status->st_gid,
		status->st_gid) != 0 ||
		setresuid(status->st_uid, status->st_uid,
		status->st_uid) != 0)
		return error_set_errno(error,
			"becoming the owner of the accounts");
	return 0;
}

static int
enter_directory(const struct config *config, struct error *error)
{
	struct buffer path;
	struct stat status;
	buffer_init(&path, 0);
	buffer_print(&path, "%s/auth", config_text(config, "data_directory"));
	int result = -1;
	int fd = open(buffer_string(&path), O_RDONLY | O_DIRECTORY |
		O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) != 0)
		error_set_errno(error, "opening %s", buffer_string(&path));
	else if (fchdir(fd) != 0)
		error_set_errno(error, "entering %s", buffer_string(&path));
	else
		result = become_owner(&status, error);
	file_close(&fd);
	buffer_fini(&path);
	return result;
}

static int
open_accounts(int config_fd, struct error *error)
{
	struct config *config;
	if (config_read(config_fd, &config, error) != 0)
		return -1;
	/* Before the root changes: what libcrypto reads when it begins. */
	OPENSSL_init_crypto(0, NULL);
	struct settings *settings = settings_new(config);
	atomic_store(&auth.settings, settings);
	umask(0077);
	if (enter_directory(config, error) != 0)
		return -1;
	/* Its aliases are not looked at: only the operator asks here. */
	return accounts_open("accounts.db", &settings->accounts,
		&auth.accounts, error);
}

int
offline_main(int argc, char **argv)
{
	uint64_t config_fd, wire_fd;
	struct error error;
	log_init("auth", 2, -1);
	log_set_level(LOG_WARN);
	counter_open(-1, -1, true);
	if (argc != 4 ||
		!span_to_number(span_from(argv[2]), INT32_MAX, &config_fd) ||
		!span_to_number(span_from(argv[3]), INT32_MAX, &wire_fd)) {
		log_event(LOG_ERROR, "usage", NULL, LOG_TEXT("expected",
			"auth --offline CONFIG-FD WIRE-FD"));
		return 64;
	}
	int fd = (int)wire_fd;
	bool is_open = open_accounts((int)config_fd, &error) == 0;
	wire_serve(&wire_admin, "command", is_open ? NULL : &error, &fd);
	accounts_close(&auth.accounts);
	return is_open ? 0 : 1;
}
