/* Files that master opens for others: keys, certificates, the log. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/service_files.h"
#include "master/master.h"

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

/* Where standard error goes when log_path is empty. */
static int
open_log_path(const struct config *config, struct error *error)
{
	const char *path = config_text(config, "log_path");
	int fd = path[0] == '\0' ? fcntl(2, F_DUPFD_CLOEXEC, 3) :
		open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY,
		0640);
	if (fd < 0)
		return error_set_errno(error, "log_path: opening %s",
			path[0] == '\0' ? "standard error" : path);
	return fd;
}

int
files_open_log(struct master *master, const struct config *config,
	struct error *error)
{
	char path[4096];
	int size = snprintf(path, sizeof(path), "%s/log/posthouse.log",
		config_text(config, "data_directory"));
	if (size < 0 || (size_t)size >= sizeof(path))
		return error_set(error, ERROR_USAGE,
			"data_directory: the path is too long");
	int copy = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
		O_NOCTTY, 0640);
	if (copy < 0)
		return error_set_errno(error, "data_directory: opening %s", path);
	int log = open_log_path(config, error);
	if (log < 0) {
		file_close(&copy);
		return -1;
	}
	log_redirect(log, copy);
	file_close(&master->log);
	file_close(&master->log_copy);
	master->log = log;
	master->log_copy = copy;
	return 0;
}
