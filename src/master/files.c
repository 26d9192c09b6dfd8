/* Files that master opens: its runtime_directory, and for others keys,
 * certificates, the log. */
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "base/file.h"
#include "base/log.h"
#include "base/service_files.h"
#include "master/master.h"

int
files_open_runtime(struct master *master, struct error *error)
{
	const char *path = config_text(master->config, "runtime_directory");
	master->runtime_dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (master->runtime_dir < 0)
		return error_set_errno(error, "runtime_directory: opening %s",
			path);
	master->lock = openat(master->runtime_dir, "lock",
		O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (master->lock < 0)
		return error_set_errno(error, "runtime_directory: opening "
			"%s/lock", path);
	if (flock(master->lock, LOCK_EX | LOCK_NB) < 0)
		return error_set(error, ERROR_EXISTS, "a system is already "
			"running with runtime_directory %s", path);
	master->listeners.directory = master->runtime_dir;
	return 0;
}

int
files_open(struct master *master, const struct config *config,
	struct error *error)
{
	int fds[SERVICES_ROWS][SERVICES_FILES];
	if (service_files_open(&master->services, config, fds, error) < 0)
		return -1;
	service_files_close(&master->services, master->files);
	memcpy(master->files, fds, sizeof(fds));
	return 0;
}

int
files_open_log(struct master *master, const struct config *config,
	struct error *error)
{
	int log, copy;
	if (service_files_open_log(config, &log, &copy, error) < 0)
		return -1;
	log_redirect(log, copy);
	file_close(&master->log);
	file_close(&master->log_copy);
	master->log = log;
	master->log_copy = copy;
	return 0;
}
